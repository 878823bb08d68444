package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials returns the modules in a binary as CycloneDX: what `go version -m`
// prints, and the Go release.
func (r *release) billOfMaterials(t target) ([]byte, error) {
	info, err := buildinfo.ReadFile(t.binary)
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(t.binary)
	if err != nil {
		return nil, err
	}
	main := module(&debug.Module{Path: info.Main.Path, Version: r.version})
	main.Type = cyclonedx.ComponentTypeApplication
	main.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(binary))}}
	main.Properties = &[]cyclonedx.Property{{Name: "ferry:file", Value: filepath.Base(t.binary)}, {Name: "ferry:platform", Value: t.system + "/" + t.architecture}}
	components := []cyclonedx.Component{module(&debug.Module{Path: "std", Version: info.GoVersion})}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, module(m))
	}
	used := make([]string, len(components))
	for i, c := range components {
		used[i] = c.BOMRef
	}
	bill := cyclonedx.NewBOM()
	bill.Metadata = &cyclonedx.Metadata{Timestamp: r.time.Format("2006-01-02T15:04:05Z"), Component: &main}
	bill.Components = &components
	bill.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &used}}
	var text bytes.Buffer
	err = cyclonedx.NewBOMEncoder(&text, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bill, cyclonedx.SpecVersion1_6)
	return text.Bytes(), err
}

// module returns a Go module as a component.
func module(m *debug.Module) cyclonedx.Component {
	url := "pkg:golang/" + m.Path + "@" + m.Version
	c := cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, Scope: cyclonedx.ScopeRequired, PackageURL: url}
	// The sum is of the module's files, as golang.org/x/mod/sumdb/dirhash makes it.
	if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(sum) == sha256.Size {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	}
	return c
}
