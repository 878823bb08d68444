package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryGoalNamesTestsThatExist(t *testing.T) {
	sources := make(map[string]string)
	for _, c := range goals {
		for _, g := range c.goals {
			if len(g.tests) == 0 && g.missing == "" || len(g.tests) > 0 && g.figure == "" {
				t.Errorf("%s says neither what proves it nor what is missing", g.id)
			}
			for _, test := range g.tests {
				in, name, _ := strings.Cut(test, " ")
				if in == "make" {
					if !hasTarget(t, name) {
						t.Errorf("%s: the Makefile has no target %s", g.id, name)
					}
					continue
				}
				if _, read := sources[in]; !read {
					sources[in] = sourceOf(t, in)
				}
				if !strings.Contains(sources[in], "\nfunc "+name+"(") {
					t.Errorf("%s: there is no %s", g.id, test)
				}
			}
		}
	}
}

// hasTarget reports whether the Makefile has a target.
func hasTarget(t *testing.T, name string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), "\n"+name+":")
}

// sourceOf returns the tests of a package.
func sourceOf(t *testing.T, in string) string {
	t.Helper()
	directory := filepath.Join("..", "..", in)
	if in == "e2e" {
		directory = ".."
	}
	files, err := filepath.Glob(filepath.Join(directory, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests (%v)", in, err)
	}
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	return text.String()
}

func TestAFailedTestFailsItsGoal(t *testing.T) {
	g := goal{tests: []string{"a TestOne", "a TestTwo"}}
	for results, want := range map[string]string{"pass pass": "proved", "pass fail": "FAILED", "pass skip": "not run", "pass": "not run"} {
		found := make(map[string]string)
		for i, result := range strings.Fields(results) {
			found[g.tests[i]] = result
		}
		if state := g.state(found); state != want {
			t.Errorf("%s: %s, want %s", results, state, want)
		}
	}
	g.missing = "the rest"
	if state := g.state(map[string]string{"a TestOne": "pass", "a TestTwo": "pass"}); state != "in part" {
		t.Error(state)
	}
	var read = make(map[string]string)
	if err := readResults(strings.NewReader("{\"Action\":\"pass\",\"Test\":\"TestOne\"}\nno JSON\n{\"Action\":\"fail\",\"Test\":\"TestTwo\"}\n{\"Action\":\"fail\",\"Test\":\"TestTwo/a\"}\n"), "a", read); err != nil || read["a TestOne"] != "pass" || read["a TestTwo"] != "fail" || len(read) != 2 {
		t.Error(read, err)
	}
}
