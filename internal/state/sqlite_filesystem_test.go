package state_test

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestNetworkFileSystemsAreRefusedWithAReason(t *testing.T) {
	for name, c := range map[string]struct {
		system  state.Filesystem
		refused string // name in the error; empty means accepted
	}{
		"NFS":                            {state.Filesystem{Type: 0x6969}, "NFS"},
		"SMB 1":                          {state.Filesystem{Type: 0x517B}, "SMB"},
		"CIFS":                           {state.Filesystem{Type: 0xFF534D42}, "CIFS"},
		"SMB 2 and 3":                    {state.Filesystem{Type: 0xFE534D42}, "SMB2"},
		"9P, as on WSL":                  {state.Filesystem{Type: 0x01021997}, "9P"},
		"AFS":                            {state.Filesystem{Type: 0x5346414F}, "AFS"},
		"Ceph":                           {state.Filesystem{Type: 0x00C36400}, "Ceph"},
		"GFS2":                           {state.Filesystem{Type: 0x01161970}, "GFS2"},
		"OCFS2":                          {state.Filesystem{Type: 0x7461636F}, "OCFS2"},
		"Lustre":                         {state.Filesystem{Type: 0x0BD00BD0}, "Lustre"},
		"a shared folder of VirtualBox":  {state.Filesystem{Type: 0x786F4256}, "VirtualBox"},
		"sshfs":                          {state.Filesystem{Type: 0x65735546, Mount: "fuse.sshfs"}, "fuse.sshfs"},
		"a bucket as a file system":      {state.Filesystem{Type: 0x65735546, Mount: "fuse.s3fs"}, "fuse.s3fs"},
		"FUSE of an unknown kind":        {state.Filesystem{Type: 0x65735546}, "FUSE"},
		"a container without root":       {state.Filesystem{Type: 0x65735546, Mount: "fuse.fuse-overlayfs"}, ""},
		"a disk of a program (NTFS)":     {state.Filesystem{Type: 0x65735546, Mount: "fuseblk"}, ""},
		"virtiofs of a virtual machine":  {state.Filesystem{Type: 0x65735546, Mount: "virtiofs"}, ""},
		"ext4":                           {state.Filesystem{Type: 0xEF53}, ""},
		"XFS":                            {state.Filesystem{Type: 0x58465342}, ""},
		"tmpfs":                          {state.Filesystem{Type: 0x01021994}, ""},
		"overlayfs, as in a container":   {state.Filesystem{Type: 0x794C7630}, ""},
		"Btrfs":                          {state.Filesystem{Type: 0x9123683E}, ""},
		"a kind that is not in the list": {state.Filesystem{Type: 0x12345678}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ferry.db")
			s, err := state.Open(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t), Filesystem: func(string) (state.Filesystem, error) { return c.system, nil }})
			if err == nil {
				_ = s.Close()
			}
			if c.refused == "" && err != nil {
				t.Errorf("Open: %v", err)
			}
			if c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "disk of this machine")) {
				t.Errorf("Open: %v; want an error that names %s and says what to do", err, c.refused)
			}
		})
	}
}

func TestFileThatDoesNotExistYetIsOnTheFileSystemOfItsDirectory(t *testing.T) {
	directory := t.TempDir()
	var asked []string
	err := state.Config{Path: filepath.Join(directory, "ferry.db"), Filesystem: func(path string) (state.Filesystem, error) {
		asked = append(asked, path)
		if path == directory {
			return state.Filesystem{Type: 0x6969}, nil
		}
		return state.Filesystem{}, errors.New("no such file")
	}}.CheckPath()
	if err == nil || len(asked) != 2 {
		t.Errorf("CheckPath: %v, after questions for %q", err, asked)
	}
}

func TestDirectoryOfTheTestsIsKnown(t *testing.T) {
	system, err := state.SystemFilesystem(t.TempDir())
	if runtime.GOOS != "linux" {
		t.Skip("ferry determines the kind of a file system on Linux only")
	}
	if err != nil || system.Type == 0 || system.Free == 0 {
		t.Errorf("SystemFilesystem = %+v, %v", system, err)
	}
}

func TestMountOfADeviceIsFoundInTheTable(t *testing.T) {
	const table = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 22 0:52 / /home/me/my\040remote rw,nosuid master:1 shared:7 - fuse.sshfs me@host:/ rw,user_id=1000
37 22 0:53 / /mnt rw - virtiofs share rw
broken
38 22 0:54 - - -
`
	for device, want := range map[string]string{"0:52": "fuse.sshfs", "0:53": "virtiofs", "8:1": "ext4", "0:5": "", "": ""} {
		if got := state.MountType(strings.NewReader(table), device); got != want {
			t.Errorf("the mount of device %q is %q, want %q", device, got, want)
		}
	}
}
