package seed_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ferry/internal/seed"
)

// write writes files by their paths into a new directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func anyBucket(string) error { return nil }

func TestIDsThatAreLeftOutAreDerived(t *testing.T) {
	dir := write(t, map[string]string{"accounts.yaml": "business_accounts: [{name: A, phone_numbers: [{display_phone_number: +49 30 901820}]}]\nkeys: [{name: bot}]"})
	first, err := seed.Read(dir, anyBucket)
	if err != nil {
		t.Fatal(err)
	}
	a := first.Accounts[0]
	got := []string{a.ID, a.StoredID(), a.PhoneNumbers[0].ID, a.PhoneNumbers[0].StoredID(), a.PhoneNumbers[0].VerifiedName, first.Keys[0].ID, first.Keys[0].Secret}
	want := []string{
		"732536794117975", "b0b3b5f3944e5ff1a06dae7b1cf8886a", "674550826450592", "d135cc2bd1d354b6b40d3c7a6708214f", "A",
		"AKIAJIHJVH3TBQHARX45", "mp9zDA4I350Ja8RVQf8fQxFUdeL4RKOLNB6Thk1k",
	} // programs have them in their configuration: they must never change
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the ids are\n%q, want\n%q", got, want)
	}
}

func TestWhatIsNotKnownIsAProblemWithItsLine(t *testing.T) {
	const number = "phone_numbers: [{display_phone_number: \"+49 30 901820\"}]"
	for name, test := range map[string]struct {
		file, text, want string
	}{
		"an unknown member":       {"people.yaml", "people:\n  - wa_id: 16505551234\n    nmae: Anna\n", `people.yaml:3: people[0]: unknown member "nmae"; expected phone_number_id, wa_id,`},
		"an unknown file member":  {"people.yaml", "\npersons: []\n", `people.yaml:2: unknown member "persons"; expected people`},
		"a member twice":          {"people.yaml", "people: []\npeople: []\n", `people.yaml:2: the member people is there twice`},
		"another kind":            {"people.yaml", "people:\n  wa_id: 16505551234\n", `people.yaml:2: people: it is a mapping; expected a list`},
		"a text for a bool":       {"people.yaml", "people:\n- wa_id: 16505551234\n  offline: perhaps\n", `people.yaml:3: people[0].offline: it is "perhaps"; expected true or false`},
		"a bool for a text":       {"people.yaml", "people:\n- wa_id: 16505551234\n  name: true\n", `people.yaml:3: people[0].name: it is "true"; expected a text; put it in quotes`},
		"an alias":                {"people.yaml", "people:\n- &a {wa_id: 16505551234}\n- *a\n", `people.yaml:2: people[0]: anchors and aliases are not read; write the value out`},
		"a merge":                 {"people.yaml", "people:\n- <<: {wa_id: 16505551234}\n", `people.yaml:2: people[0]: unknown member "<<"`},
		"two documents":           {"people.yaml", "people: []\n---\npeople: []\n", `people.yaml: there is more than one YAML document; expected one`},
		"no YAML":                 {"people.yaml", "people:\n  - {wa_id: 1\n", `people.yaml:1: it is no YAML: did not find expected`},
		"a list of people":        {"people.yaml", "- wa_id: 16505551234\n", `people.yaml:1: it is a list; expected a mapping`},
		"a hidden number":         {"people.yaml", "people: [{wa_id: 16505551234, hides_number: true}]", `people.yaml:1: people[0].hides_number: it requires a username`},
		"too large":               {"people.yaml", strings.Repeat("#", 1<<20+1), `people.yaml: it has more than 1048576 bytes`},
		"too many people":         {"people.yaml", "people:" + strings.Repeat("\n- {wa_id: 16505551234}", 1001), `people.yaml: there are 1001 people; expected at most 1000`},
		"an account without name": {"accounts.yaml", "business_accounts: [{" + number + "}]", `accounts.yaml:1: business_accounts[0].name: it has 0 bytes; expected a name of 1 to 512`},
		"no numbers":              {"accounts.yaml", "business_accounts:\n- name: A\n", `accounts.yaml:2: business_accounts[0].phone_numbers: it is empty; expected at least one phone number`},
		"the same number":         {"accounts.yaml", "business_accounts:\n- name: A\n  " + number + "\n- name: B\n  " + number, `is also that of business_accounts[0].phone_numbers[0].id`},
		"an account of AWS":       {"accounts.yaml", "business_accounts: [{name: A, account_id: 12, " + number + "}]", `business_accounts[0].account_id: it is "12"; expected an AWS account, 12 digits`},
		"a short secret":          {"accounts.yaml", "keys: [{name: bot, secret: abc}]", `accounts.yaml:1: keys[0].secret: it has 3 characters; expected 40`},
		"an id of a key":          {"accounts.yaml", "keys: [{name: bot, id: AKIA1}]", `accounts.yaml:1: keys[0].id: it is "AKIA1"; expected AKIA and 16`},
		"a policy with a typo":    {"accounts.yaml", "keys: [{name: bot, policies: [{Version: 2012-10-17, Statment: []}]}]", `keys[0].policies[0]: Statment: `},
		"an unknown file":         {"people.yml", "", `people.yml: it is not known; expected accounts.yaml`},
		"a directory as a file":   {"people.yaml/a", "", `people.yaml: it is not known`},
		"a file in templates":     {"templates/a.yaml", "", `templates/a.yaml: it is not known; expected templates as NAME.json`},
		"an account of templates": {"templates/main/a.json", "{}", `templates/main: the name of a directory is Meta's id of a business account, in digits`},
		"deeper templates":        {"templates/1/2/a.json", "{}", `templates/1/2: it is not known`},
		"a list as a template":    {"templates/a.json", "\n[]", `templates/a.json:1: it is no JSON object; expected the JSON object`},
		"two templates":           {"templates/a.json", "{}\n{}", `templates/a.json:2: there is more after the JSON object`},
		"a member twice in JSON":  {"templates/a.json", "{\"name\":\n1,\n\"name\":2}", `templates/a.json:3: it is no JSON: `},
		"an empty template":       {"templates/a.json", "", `templates/a.json:1: it is empty`},
	} {
		_, err := seed.Read(write(t, map[string]string{test.file: test.text}), anyBucket)
		of, ok := errors.AsType[*seed.Error](err)
		if !ok || !strings.Contains(of.Problems[0].String(), test.want) {
			t.Errorf("%s:\n%v\nwant\n%s", name, err, test.want)
		}
	}
}

func TestOnlyTheFirstProblemsAreReported(t *testing.T) {
	files := make(map[string]string)
	for n := range 30 {
		files["x"+strconv.Itoa(n)] = ""
	}
	_, err := seed.Read(write(t, files), anyBucket)
	if err == nil || !strings.HasSuffix(err.Error(), "\nand 10 more") || strings.Count(err.Error(), "\n") != 21 {
		t.Error(err)
	}
}

// Nothing outside of the directory is read, and nothing that is no file.
func TestLinksOutOfTheSeedAreRefused(t *testing.T) {
	outside := write(t, map[string]string{"secret.json": `{"secret":1}`})
	for _, path := range []string{"objects/ferry-media/a.txt", "templates/a.json", "accounts.yaml"} {
		dir := write(t, map[string]string{"objects/ferry-media/b.txt": "", "templates/1/b.json": "{}"})
		if err := os.Symlink(filepath.Join(outside, "secret.json"), filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
		if _, err := seed.Read(dir, anyBucket); err == nil || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestProblemOfATemplateHasTheLineOfItsPart(t *testing.T) {
	template := seed.Template{Path: "templates/a.json", Body: []byte(`{
  "name": "a",
  "components": [
    {"type": "body",
     "text": "Hi"},
    {"type": "BUTTONS", "buttons": [
      {"type": "URL", "text": "Go"},
      {"type": "PHONE_NUMBER", "text": "Call"}]}]}`)}
	for _, test := range []struct {
		path, text string
		line       int
	}{
		{"components[0]['text']", "", 5},
		{"components[1]['buttons'][1]['text']", "", 8},
		{"components[1]['buttons'][1]['phone_number']", "", 8},
		{"name", "", 2},
		{"language", "", 1},
		{"", "component of type BODY is missing", 4},
		{"", "button of type PHONE_NUMBER is missing", 8},
		{"", "too many variables", 3},
	} {
		if got := template.Problem(test.path, test.text); got.Line != test.line {
			t.Errorf("%q %q: line %d, want %d", test.path, test.text, got.Line, test.line)
		}
	}
}
