//go:build unix

package admission

import (
	"math"
	"syscall"
)

// descriptorLimit returns how many file descriptors the process may have. Go has
// raised the soft limit to the hard one at the start of the process. It returns 0
// if there is no limit.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return int(limit.Cur) //nolint:gosec,unconvert // at most math.MaxInt32; the type differs between systems
}
