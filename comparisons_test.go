package ferry_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// variableTime are functions whose time depends on where two values differ.
var variableTime = []string{"bytes.Equal", "bytes.Compare", "bytes.HasPrefix", "strings.EqualFold", "strings.Compare", "strings.HasPrefix", "slices.Equal", "slices.Contains", "reflect.DeepEqual"}

// authenticators are the names that values have which a stranger must not be able to guess,
// one byte after the other.
var authenticators = []string{"signature", "mac", "hmac", "sig", "tokenhash", "cookie", "secret", "password", "pin"}

// TestSecretsAreComparedInConstantTime: the server compares a secret, a signature or a MAC with
// what a stranger sent by hmac.Equal or subtle.ConstantTimeCompare only. It reads internal/:
// commands compare their own settings, and the simulator has no secrets.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	for _, path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") || !strings.HasPrefix(path, "internal/") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range comparisons(file) {
			t.Errorf("%s compares a secret in a time that depends on it; use hmac.Equal or subtle.ConstantTimeCompare", set.Position(found))
		}
	}
}

func TestComparisonsOfSecretsAreFound(t *testing.T) {
	for text, want := range map[string]int{
		`a.Reveal() == b`:                     1,
		`key.secret.Reveal() != b.Reveal()`:   1,
		`a.Reveal() == ""`:                    0,
		`signature == want`:                   1,
		`s.signature != want`:                 1,
		`bytes.Equal(mac.Sum(nil), got)`:      1,
		`bytes.Equal(signature, got)`:         1,
		`strings.EqualFold(a.Reveal(), b)`:    1,
		`hmac.Equal(mac.Sum(nil), signature)`: 0,
		`len(signature) == 32`:                0,
		`signature == nil`:                    0,
		`mac != (x{})`:                        0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; var _ = "+text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(comparisons(file)); got != want {
			t.Errorf("%s: %d comparisons of secrets are found, want %d", text, got, want)
		}
	}
}

// comparisons returns where a file compares secrets in variable time.
func comparisons(file *ast.File) (found []token.Pos) {
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && !isConstant(n.X) && !isConstant(n.Y) && (isSecret(n.X) || isSecret(n.Y)) {
				found = append(found, n.Pos())
			}
		case *ast.CallExpr:
			if slices.Contains(variableTime, name(n.Fun)) && slices.ContainsFunc(n.Args, isSecret) {
				found = append(found, n.Pos())
			}
		}
		return true
	})
	return found
}

// isSecret reports whether an expression reveals a secret, is called as an authenticator, or is a sum of a MAC.
func isSecret(e ast.Expr) bool {
	if call, ok := e.(*ast.CallExpr); ok {
		called := name(call.Fun)
		return strings.HasSuffix(called, ".Reveal") || strings.HasSuffix(called, "mac.Sum") || len(call.Args) == 1 && isConversion(call.Fun) && isSecret(call.Args[0])
	}
	last := name(e)
	return slices.Contains(authenticators, strings.ToLower(last[strings.LastIndexByte(last, '.')+1:]))
}

// isConversion reports whether string(…) or []byte(…) is called.
func isConversion(fun ast.Expr) bool {
	_, isSlice := fun.(*ast.ArrayType)
	return isSlice || name(fun) == "string"
}

// isConstant reports whether an expression is a literal or nil: whether there is a value is no secret.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.CompositeLit:
		return true
	case *ast.ParenExpr:
		return isConstant(e.X)
	case *ast.Ident:
		return e.Name == "nil"
	}
	return false
}

// name returns a name such as bytes.Equal or s.signature; empty means that it is none.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return name(e.X) + "." + e.Sel.Name
	}
	return ""
}
