package page

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"ferry/bench/child"
)

// Machine is the machine of a run, and what was measured there.
type Machine struct {
	Commit string `json:"commit"` // followed by "+" if there are changes that are not committed
	Go     string `json:"go"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory"` // bytes
	Kernel string `json:"kernel"`
	Load   string `json:"load"` // before the run, over 1, 5 and 15 minutes
}

// Describe describes this machine, and the repository at root.
func Describe(ctx context.Context, root string) Machine {
	m := Machine{Go: runtime.Version(), CPU: cpuModel(), Cores: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"), Load: firstLine("/proc/loadavg")}
	if fields := strings.Fields(m.Load); len(fields) > 3 {
		m.Load = strings.Join(fields[:3], " ")
	}
	if fields := strings.Fields(firstLine("/proc/meminfo")); len(fields) == 3 {
		kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
		m.Memory = kilobytes << 10
	}
	commit, err := child.Command(ctx, root, os.Environ(), "git", "rev-parse", "--short=12", "HEAD")
	if err == nil {
		m.Commit = strings.TrimSpace(commit)
		if changes, err := child.Command(ctx, root, os.Environ(), "git", "status", "--porcelain"); err != nil || changes != "" {
			m.Commit += "+"
		}
	}
	return m
}

// String returns the machine as a page names it, without its load.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s, %s, commit %s", m.CPU, m.Cores, float64(m.Memory)/(1<<30), m.Kernel, m.Go, m.Commit)
}

// Busy reports whether other programs kept the machine busy before the run.
func (m Machine) Busy() bool {
	fields := strings.Fields(m.Load)
	if len(fields) == 0 {
		return false
	}
	load, err := strconv.ParseFloat(fields[0], 64)
	return err == nil && load >= 1
}

func firstLine(file string) string {
	text, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
