package state

import (
	"fmt"
	"os"
	"syscall"
)

// systemFilesystem asks the operating system.
func systemFilesystem(path string) (Filesystem, error) {
	var answer syscall.Statfs_t
	if err := syscall.Statfs(path, &answer); err != nil {
		return Filesystem{}, err
	}
	blocks, size := answer.Bavail, answer.Frsize
	if os.Geteuid() == 0 { // which may use the blocks that are reserved for it
		blocks = answer.Bfree
	}
	if size == 0 {
		size = answer.Bsize
	}
	system := Filesystem{Type: uint32(answer.Type), Free: blocks * uint64(size)} //nolint:gosec // a number of 32 bits, and a size
	if system.Type == fuseType {
		system.Mount = mountOf(path)
	}
	return system, nil
}

// mountOf returns the type of the mount that has a path; "" if it is not known.
func mountOf(path string) string {
	var file syscall.Stat_t
	if err := syscall.Stat(path, &file); err != nil {
		return ""
	}
	table, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer table.Close()
	device := uint64(file.Dev) //nolint:unconvert // it has another type on some processors
	major, minor := device>>8&0xfff|device>>32&^0xfff, device&0xff|device>>12&^0xff
	return mountType(table, fmt.Sprintf("%d:%d", uint32(major), uint32(minor))) //nolint:gosec // 32 bits each
}
