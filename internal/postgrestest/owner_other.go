//go:build !unix

package postgrestest

import (
	"errors"
	"syscall"
)

// The tests start servers on Unix only, where these are used.
type account struct{ Uid, Gid uint32 }

func (a *account) attributes(bool) *syscall.SysProcAttr { return nil }

func isRunning(int) bool { return false }

func kill(int) error { return errors.ErrUnsupported }

func interrupt(int) error { return errors.ErrUnsupported }

func owner() *account { return nil }
