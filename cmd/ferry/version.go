// ferry version.

package main

import (
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints the version and the platform of this binary.
func (versionCommand) Run(terminal *terminal) error {
	return terminal.out.Printf("ferry %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// version returns the module's version, or the commit that the binary was built
// from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return "commit-" + setting.Value[:12]
		}
	}
	return "development"
}
