// ferry version.

package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"
)

// The Makefile sets these with -ldflags '-X main.described=…'. A binary that was built
// without them reports what the Go command has recorded.
var (
	described string // the version, as git describe prints it
	revision  string // the commit
	committed string // the time of the commit, in RFC 3339
)

type versionCommand struct {
	JSON bool `env:"-" help:"Print one JSON object, with the commit and the modules that the binary was built from."`
}

// A versionReport is what ferry version prints.
type versionReport struct {
	Version  string          `json:"version"`
	Commit   string          `json:"commit,omitempty"`
	Time     string          `json:"time,omitempty"` // of the commit
	Dirty    bool            `json:"dirty"`          // built from files that differ from those of the commit
	Go       string          `json:"go"`
	Platform string          `json:"platform"` // operating system/architecture
	Modules  []moduleVersion `json:"modules"`
}

// A moduleVersion is a module that the binary was built from.
type moduleVersion struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum,omitempty"` // as in go.sum
}

// Run prints the version and the platform of this binary.
func (c *versionCommand) Run(terminal *terminal) error {
	report := reportVersion()
	if c.JSON {
		return terminal.out.JSON(report)
	}
	return terminal.out.Printf("ferry %s (%s)\n", report.Version, strings.Join(report.details(), ", "))
}

// details returns what the plain output has in parentheses.
func (r versionReport) details() []string {
	details := []string{r.Go, r.Platform}
	if r.Commit != "" {
		details = append(details, "commit "+r.Commit)
	}
	if r.Time != "" {
		details = append(details, "of "+r.Time)
	}
	return details
}

// version returns the version of this binary.
func version() string { return reportVersion().Version }

func reportVersion() versionReport {
	report := versionReport{Version: described, Commit: revision, Time: committed, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Modules: []moduleVersion{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		report.Version = cmp.Or(report.Version, "unknown")
		return report
	}
	recorded := make(map[string]string, len(info.Settings))
	for _, setting := range info.Settings {
		recorded[setting.Key] = setting.Value
	}
	report.Commit = cmp.Or(report.Commit, recorded["vcs.revision"])
	report.Time = cmp.Or(report.Time, recorded["vcs.time"])
	report.Dirty = recorded["vcs.modified"] == "true" || strings.HasSuffix(described, "-dirty")
	if report.Version == "" && info.Main.Version != "(devel)" {
		report.Version = info.Main.Version
	}
	report.Version = cmp.Or(report.Version, "development")
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		report.Modules = append(report.Modules, moduleVersion{module.Path, module.Version, module.Sum})
	}
	return report
}
