package ferrytest_test

import (
	"syscall"
	"time"
)

// realTime returns the time since a moment by the clock of the machine, also in a bubble.
func realTime(time.Time) time.Duration {
	var now syscall.Timespec
	if err := clockGettime(&now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

func clockGettime(ts *syscall.Timespec) error {
	var tv syscall.Timeval
	if err := syscall.Gettimeofday(&tv); err != nil {
		return err
	}
	*ts = syscall.NsecToTimespec(tv.Nano())
	return nil
}
