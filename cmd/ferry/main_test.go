package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ferry": main})
}

// TestCommands runs the command line as it is typed: testdata/*.txtar.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir) // no AWS configuration of whoever runs this
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, negated bool, args []string){
			"await": await,
			"load":  load,
		},
	})
}

// await waits until a file is there: await FILE.
func await(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not appear", args[0])
		}
	}
}

// load sets the variables of a file of `export NAME='value'` lines: load FILE.
func load(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, isSet := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if !isSet {
			ts.Fatalf("%s: %q sets nothing", args[0], line)
		}
		ts.Setenv(name, strings.Trim(value, "'"))
	}
}
