// The file system that holds the database: whether SQLite works on it, and
// whether it has room.

package state

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Filesystem describes the file system that holds a path.
type Filesystem struct {
	Type uint32 // number of its kind, as statfs(2) returns it; 0 means unknown
	// Mount is the type in the table of mounts, such as "fuse.sshfs". It is set only
	// for a Type that says too little, which is that of FUSE.
	Mount string
	Free  uint64 // bytes that this process may still write
}

// fuseType is the Type of everything that a program outside of the kernel provides.
const fuseType = 0x65735546

// networkTypes are the types of file systems that are shared by machines
// (docs/references.md#statfs).
var networkTypes = map[uint32]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "CIFS",
	0xFE534D42: "SMB2",
	0x01021997: "9P",
	0x5346414F: "AFS",
	0x6B414653: "AFS",
	0x73757245: "Coda",
	0x564C:     "NCP",
	0x00C36400: "Ceph",
	0x01161970: "GFS2",
	0x7461636F: "OCFS2",
	0x0BD00BD0: "Lustre",
	0x47504653: "GPFS",
	0x19830326: "BeeGFS",
	0x20030528: "OrangeFS",
	0xAAD7AAEA: "PanFS",
	0xBEEFDEAD: "StorNext",
	0x61636673: "ACFS",
	0x786F4256: "a shared folder of VirtualBox",
	0xBACBACBC: "a shared folder of VMware",
	0x7C7C6673: "a shared folder of Parallels",
}

// localFUSE are the types of mounts of FUSE that only this machine uses: a disk, what
// the host of a virtual machine passes to it, and the files of a container without root.
var localFUSE = map[string]bool{"fuseblk": true, "virtiofs": true, "fuse.fuse-overlayfs": true}

// network returns the name of a file system on which SQLite's WAL does not work; "" if
// it works, as on tmpfs and overlayfs.
func (f Filesystem) network() string {
	if f.Type == fuseType && !localFUSE[f.Mount] {
		if f.Mount == "" || f.Mount == "fuse" {
			return "FUSE"
		}
		return "FUSE (" + f.Mount + ")"
	}
	return networkTypes[f.Type]
}

// checkFilesystem refuses a file system that is shared by machines: WAL mode
// needs memory that all processes which use the database share
// (docs/references.md#sqlite-wal).
func (c Config) checkFilesystem() error {
	system, err := c.filesystem()
	if err != nil {
		return nil //nolint:nilerr // opening the file says what is wrong with the path
	}
	if name := system.network(); name != "" {
		return fmt.Errorf("the file is on a network file system, %s, on which SQLite can damage it: its WAL mode needs memory that is shared by all processes. Put it on a disk of this machine", name)
	}
	return nil
}

// filesystem returns the file system that has the file, or will have it.
func (c Config) filesystem() (Filesystem, error) {
	ask := c.Filesystem
	if ask == nil {
		ask = systemFilesystem
	}
	system, err := ask(c.Path)
	if err != nil { // the file does not exist yet
		system, err = ask(filepath.Dir(c.Path))
	}
	return system, err
}

// mountType returns the type of the mount of a device, "major:minor", in a table as
// /proc/self/mountinfo has it; "" if there is none (docs/references.md#mountinfo).
func mountType(table io.Reader, device string) string {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		mount, rest, ok := strings.Cut(lines.Text(), " - ")
		fields, kinds := strings.Fields(mount), strings.Fields(rest)
		if ok && len(fields) > 2 && len(kinds) > 0 && fields[2] == device {
			return kinds[0]
		}
	}
	return ""
}
