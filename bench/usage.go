// What a process has used, from /proc (proc(5)).

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticksPerSecond is USER_HZ, the unit of times in /proc/PID/stat: 100 on every
// architecture that Go runs on.
const ticksPerSecond = 100

// cpuSeconds returns the user and system time of a process and its finished threads.
func cpuSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(text))
}

// parseStat reads fields 14 and 15. The second field, the command in
// parentheses, may itself contain spaces and parentheses.
func parseStat(text string) (float64, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // from the third on
	if len(fields) < 13 {
		return 0, fmt.Errorf("%q is not a line of /proc/PID/stat", text)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err != nil || err2 != nil {
		return 0, fmt.Errorf("%q has no times as /proc/PID/stat does", text)
	}
	return float64(user+system) / ticksPerSecond, nil
}

// residentOf returns a size of /proc/PID/status in bytes: VmRSS, what is resident
// now, or VmHWM, the peak since the start of the process or resetPeak.
func residentOf(pid int, field string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return parseStatus(string(text), field)
}

func parseStatus(text, field string) (int64, error) {
	for line := range strings.Lines(text) {
		value, found := strings.CutPrefix(line, field+":")
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a size", line)
		}
		return n * kib, nil
	}
	return 0, fmt.Errorf("the status has no %s", field)
}

// resetPeak sets VmHWM back to VmRSS.
func resetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
