package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// systemPackage returns the package of a binary for Debian ("deb") or Red Hat ("rpm").
func (r *release) systemPackage(t target, format string) ([]byte, error) {
	documents, err := os.MkdirTemp("", "ferry-release-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(documents) }()
	licences := filepath.Join(documents, "licences")
	if err := os.WriteFile(licences, r.licences, 0o644); err != nil {
		return nil, err
	}
	in := func(name string) string { return filepath.Join(r.repository, name) }
	contents := files.Contents{
		r.packaged(t.binary, "/usr/bin/ferry", 0o755, ""),
		r.packaged(in("deploy/systemd/ferry.service"), "/usr/lib/systemd/system/ferry.service", 0o644, ""),
		r.packaged(in("deploy/systemd/ferry.yaml"), "/etc/ferry/ferry.yaml", 0o644, files.TypeConfigNoReplace),
		r.packaged(in("LICENSE"), "/usr/share/doc/ferry/copyright", 0o644, ""),
		r.packaged(in("CHANGELOG.md"), "/usr/share/doc/ferry/CHANGELOG.md", 0o644, ""),
		r.packaged(in("docs/operating.md"), "/usr/share/doc/ferry/operating.md", 0o644, ""),
		r.packaged(licences, "/usr/share/doc/ferry/THIRD-PARTY-LICENCES.txt", 0o644, ""),
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "ferry", Platform: "linux", Arch: t.architecture, Version: packageVersion(r.version), VersionSchema: "none", Release: "1",
		Section: "net", Priority: "optional", Maintainer: "The ferry maintainers <maintainers@ferry.invalid>", License: "Apache-2.0", MTime: r.time,
		Description: "server for the AWS End User Messaging Social API in front of WhatsApp\n" +
			"ferry answers AWS SDKs in place of AWS, and talks to Meta's WhatsApp Cloud API.",
		Overridables: nfpm.Overridables{Contents: contents, Umask: 0o022, RPM: nfpm.RPM{BuildHost: "localhost", Compression: "zstd:3"}, Deb: nfpm.Deb{Compression: "gzip"}},
	})
	packager, err := nfpm.Get(format)
	if err != nil {
		return nil, err
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return nil, err
	}
	var content bytes.Buffer
	err = packager.Package(info, &content)
	return content.Bytes(), err
}

// packaged returns a file of a package.
func (r *release) packaged(source, destination string, mode os.FileMode, kind string) *files.Content {
	return &files.Content{Source: source, Destination: destination, Type: kind, FileInfo: &files.ContentFileInfo{Mode: mode, Owner: "root", Group: "root", MTime: r.time}}
}

var (
	versionForm  = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+)(.*)$`)
	versionOther = regexp.MustCompile(`[^A-Za-z0-9.]+`)
)

// packageVersion returns the version of a package. What git describe adds to the last tag
// is newer than the tag ("+"), and what stands for a version that is to come is older ("~").
func packageVersion(version string) string {
	parts := versionForm.FindStringSubmatch(version)
	switch {
	case parts == nil:
		return "0.0.0~" + versionOther.ReplaceAllString(version, ".")
	case parts[2] == "":
		return parts[1]
	case afterTag.MatchString(parts[2]):
		return parts[1] + "+" + versionOther.ReplaceAllString(parts[2][1:], ".")
	}
	return parts[1] + "~" + versionOther.ReplaceAllString(parts[2][1:], ".")
}

// afterTag is what git describe adds: the number of commits since the tag, and the commit.
var afterTag = regexp.MustCompile(`^-[0-9]+-g[0-9a-f]+(-dirty)?$|^-dirty$`)
