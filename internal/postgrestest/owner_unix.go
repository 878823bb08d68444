//go:build unix

package postgrestest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// An account is a user of the operating system; nil means the one of this process.
type account syscall.Credential

// attributes returns how a process of the account is started, in a group of its own or not.
func (a *account) attributes(ownGroup bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: (*syscall.Credential)(a), Setpgid: ownGroup}
}

func isRunning(process int) bool { return syscall.Kill(process, 0) == nil }

func kill(process int) error { return syscall.Kill(process, syscall.SIGKILL) }

// owner returns the user that runs the server: this one, or postgres in place of root,
// whom PostgreSQL refuses; nil means this one.
func owner() *account {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(found.Uid, 10, 32)
		gid, _ := strconv.ParseUint(found.Gid, 10, 32)
		return &account{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// interrupt asks the server for a fast shutdown.
func interrupt(process int) error { return syscall.Kill(process, syscall.SIGINT) }
