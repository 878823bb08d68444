//go:build linux

package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/metasim"
)

// TestCommandsPrintOnlyByPackageTTY reads the source: nothing prints past
// tty.Output, which cleans what comes from elsewhere.
func TestCommandsPrintOnlyByPackageTTY(t *testing.T) {
	files := 0
	for _, directory := range []string{".", "../../internal"} {
		err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "internal/tty/") || strings.Contains(path, "internal/guard/guardtest/") {
				return err
			}
			files++
			return checkPrinting(t, path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 50 {
		t.Errorf("only %d files were read", files)
	}
}

// checkPrinting reports what a file prints past tty.Output.
func checkPrinting(t *testing.T, path string) error {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return err
	}
	bad := func(node ast.Node, what string) {
		t.Errorf("%s: %s; print by tty.Output", set.Position(node.Pos()), what)
	}
	for _, imported := range file.Imports {
		if imported.Path.Value == `"text/tabwriter"` || imported.Path.Value == `"log"` {
			bad(imported, imported.Path.Value)
		}
	}
	// The other packages have no terminal to print on.
	isCommand := filepath.Dir(path) == "." || strings.Contains(path, "internal/bulk/") || strings.Contains(path, "internal/lint/")
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr:
			if name := selector(n); name == "os.Stdout" || name == "os.Stderr" || name == "tty.Raw" {
				isMain := filepath.Base(path) == "main.go" && name != "tty.Raw"
				isBars := strings.Contains(path, "internal/bulk/") && name == "tty.Raw"
				if !isMain && !isBars {
					bad(n, name)
				}
			}
		case *ast.CallExpr:
			name := selector(n.Fun)
			switch {
			case name == "println" || name == "print" || strings.HasPrefix(name, "fmt.Print"):
				bad(n, name)
			case isCommand && (strings.HasPrefix(name, "fmt.Fprint") || name == "json.NewEncoder"):
				if to, isAddress := n.Args[0].(*ast.UnaryExpr); !isAddress || to.Op != token.AND { // of a buffer
					bad(n, name)
				}
			}
		}
		return true
	})
	return nil
}

// selector returns "package.Name" or "name" of an expression.
func selector(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return selector(e.X) + "." + e.Sel.Name
	}
	return ""
}

// evil is a text that rules a terminal, or looks like a message of ferry, if it is
// printed as it is.
const evil = "x\x1b]0;owned\x07\x1b[2J\u009b1m\u202egpj\nferry: all is well\r\x7fy"

// rules are the parts of evil that must not be printed.
var rules = []string{"\x1b]0;", "\x07", "\x1b[2J", "\u009b", "\u202e", "\nferry: all is well", "\x7f"}

func TestTextsFromElsewhereDoNotRuleTheTerminal(t *testing.T) {
	world := startWorld(t)
	addFault(t, world, metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 131000, Message: evil, Details: evil})
	meta := metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{
		ID: "100", Name: evil, Token: "EAA-token", PhoneNumbers: []metasim.PhoneNumber{{ID: "1", DisplayPhoneNumber: evil, VerifiedName: evil}},
	}}})
	defer meta.Close()
	graph := httptest.NewServer(meta)
	defer graph.Close()

	rude := `{"name": "rude", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hello \\u001b[2J\\u009b you"}], "\\u001b[2J\\u202e": 1}`
	directory := t.TempDir()
	t.Chdir(directory)
	in := func(name string) string { return filepath.Join(directory, name) }
	for name, text := range map[string]string{evil: "hello", "config.yaml": "listen: \"" + "\\e[2J\"\n\"\\e[2J\\u202e\": 1\n", "policy.json": `{"Version": "\u001b[2J"}`, "token": "EAA-token", "rude.json": rude} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	putFiles(t, world, evil, 1)
	state := []string{"--database", in("ferry.db"), "--keyset-file", in("keyset.json")}
	link := append([]string{"account", "link", "--account", "111122223333", "--waba-id", "100", "--graph-url", graph.URL, "--meta-token-file", in("token")}, state...)
	bad := append([]string{"account", "link", "--account", evil, "--waba-id", evil, "--graph-url", graph.URL, "--meta-token-file", in(evil)}, state...)
	for _, args := range [][]string{
		{"keyset", "create", in("keyset.json")}, {"keyset", "create", in(evil)}, {"keyset", "create", in(evil + "/" + evil)},
		link, bad, append([]string{"account", "list"}, state...), append([]string{"account", "list", "--json"}, state...),
		append([]string{"key", "create", "--account", "111122223333", "--full-access", "--name", evil}, state...), append([]string{"key", "list", "--account", evil}, state...), append([]string{"key", "delete", evil}, state...),
		append([]string{"key", "create", "--account", "111122223333", "--policy", in("policy.json")}, state...),
		append([]string{"key", "create", "--account", "111122223333", "--policy", evil}, state...),
		append([]string{"media", "stats"}, state...), append([]string{"media", "stats", "--database", evil}, state[2:]...),
		{"media", "lint", in(evil)}, {"media", "lint", "--json", in(evil)}, {"media", "lint", in(evil), "--content-type", evil},
		{"media", "lint", evil}, {"media", "lint", "s3://ferry-media/" + evil}, {"media", "lint", "s3://ferry-media/" + evil + "0000.txt"}, {"media", "lint", "http://127.0.0.1:1/" + evil},
		{"media", "post", "s3://ferry-media/" + evil + "0000.txt"}, {"media", "post", "s3://ferry-media/" + evil}, {"media", "post", evil},
		{"media", "post", "--recursive", "s3://ferry-media/" + evil}, {"media", "post", "--recursive", evil},
		{"media", "get", "--metadata", evil}, {"media", "get", "--to", evil, "1"}, {"media", "get", "--to-url", evil, "1"}, {"media", "delete", evil},
		{"call", evil}, {"call", "ListTagsForResource", "--input", `{"resourceArn": "` + "\u202e" + `"}`}, {"call", "ListTagsForResource", "--input", evil}, {"call", "ListTagsForResource", "--input", "@" + evil},
		{"template", "list", "--waba-id", evil}, {"template", "show", evil}, {"template", "show", "rude"}, {"template", "show", "rude", "--json"}, {"template", "create", in(evil)}, {"template", "create", in("rude.json"), "--header-media", evil},
		{"template", "create", in("rude.json")}, {"template", "watch", "1", "--language", evil}, {"template", "delete", evil, "--all-languages"},
		{"flow", "create", evil, "--json", in("rude.json")}, {"flow", "list"}, {"flow", "show", evil}, {"flow", "show", evil, "--json"}, {"flow", "show", evil + "2"}, {"flow", "publish", evil}, {"flow", "preview", evil},
		{"flow", "create", "x", "--category", evil}, {"flow", "update", evil, "--json", in(evil)}, {"flow", "delete", evil}, {"flow", "deprecate", evil, "--yes"},
		{evil}, {"--" + evil}, {"serve", "--" + evil}, {"serve", "--listen", evil}, {"serve", "--database", evil}, {"serve", "--region", evil}, {"serve", "--store", evil},
		{"serve", "--config", in("config.yaml")}, {"serve", "--config", in(evil)}, {"serve", "--log-level", evil},
		{"media", "get", "--endpoint", evil, "--metadata", "1"}, {"version"}, {"--help"}, {"media", "lint", "--help"},
	} {
		name := strings.Join(args, " ")
		var out, problems bytes.Buffer
		run(t.Context(), t.Context(), args, &out, &problems)
		checkPrinted(t, name, out.String()+problems.String())
		t.Run("on a terminal", func(t *testing.T) {
			screen, printed := newTerminal(t)
			run(t.Context(), t.Context(), args, screen, screen)
			checkPrinted(t, name, printed())
		})
	}
}

func checkPrinted(t *testing.T, name, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%q prints nothing", name)
	}
	for _, rule := range rules {
		if strings.Contains(text, rule) {
			t.Errorf("%q prints %q:\n%q", name, rule, text)
		}
	}
}

func TestLogIsSafeToShowOnATerminal(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		queue := openLog(&out, "info", format)
		slog.New(queue.Handler()).Info(evil, "key", evil)
		if err := queue.Close(); err != nil {
			t.Fatal(err)
		}
		checkPrinted(t, "the log as "+format, out.String())
		if lines := strings.Count(out.String(), "\n"); lines != 1 {
			t.Errorf("the log as %s has %d lines", format, lines)
		}
	}
}
