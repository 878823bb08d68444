package graph_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ferry/internal/graph"
)

// TestOperationsAreThoseOfTheSource finds the names of requests in the source: as the
// field operation of a change, and as an argument of the functions that send one.
func TestOperationsAreThoseOfTheSource(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	senders := []string{"roundTrip", "exchange", "do", "get", "read", "list", "flow"}
	form, found := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`), make(map[string]bool)
	note := func(expression ast.Expr) {
		if literal, ok := expression.(*ast.BasicLit); ok && literal.Kind == gotoken.STRING {
			if text, _ := strconv.Unquote(literal.Value); form.MatchString(text) {
				found[text] = true
			}
		}
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "operation" {
					note(n.Value)
				}
			case *ast.CallExpr:
				function := n.Fun
				if generic, ok := function.(*ast.IndexExpr); ok {
					function = generic.X
				}
				name := ""
				switch f := function.(type) {
				case *ast.SelectorExpr:
					name = f.Sel.Name
				case *ast.Ident:
					name = f.Name
				}
				for _, argument := range n.Args {
					if slices.Contains(senders, name) {
						note(argument)
					}
				}
			}
			return true
		})
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, graph.Operations) {
		t.Errorf("the source has %v, Operations are %v", got, graph.Operations)
	}
}
