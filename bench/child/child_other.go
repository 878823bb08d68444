//go:build !linux

package child

import "syscall"

func EndsWithParent() *syscall.SysProcAttr { return nil }
