package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"ferry/metasim"
)

func TestSetChangesOnlyWhatExistsInTheShape(t *testing.T) {
	other, err := decodeAny([]byte(`{"a":{"b":[{"c":1,"d":"x","e":null}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		target                any
		path, value, complain string
	}{
		{&metasim.Inbound{}, "text.body", "Hi=there", ""},
		{&metasim.Inbound{}, "image.voice", "true", ""},
		{&metasim.Inbound{}, "image.voice", "yes", "expected true or false"},
		{&metasim.Inbound{}, "location.latitude", "1.5", ""},
		{&metasim.Inbound{}, "location.latitude", "north", "expected a number"},
		{&metasim.Inbound{}, "text", `{"bdy":"x"}`, `unknown field "bdy"`},
		{&metasim.Inbound{}, "txt", "x", "the nearest are text"},
		{&metasim.Inbound{}, "text.body.x", "x", "text.body has no members"},
		{&metasim.Inbound{}, "contacts.0.birthday", "x", "contacts is a list of 0 elements"},
		{&metasim.Inbound{}, "", "x", `there is no member ""`},
		{&other, "a.b[0].c", "2", ""},
		{&other, "a.b.0.c", "two", "a.b.0.c is now 2; expected JSON of the same type"},
		{&other, "a.b.0.d", "2", ""},
		{&other, "a.b.0.e", `{"new":1}`, ""},
		{&other, "a.b.1.c", "2", "a.b is a list of 1 elements"},
		{&other, "a.x", "2", `there is no member "a.x"; the nearest are a.b`},
		{&other, "a.b.0.d.x", "2", "a.b.0.d has no members"},
	} {
		err := setMember(row.target, row.path, row.value)
		if (err == nil) != (row.complain == "") || err != nil && !strings.Contains(err.Error(), row.complain) {
			t.Errorf("%s=%s: %v, want %q", row.path, row.value, err, row.complain)
		}
	}
}

func TestMistakesOfTriggerAreThoseOfTheCommandLine(t *testing.T) {
	for _, flags := range []string{"--text x --set text.bdy=x", "--text x --set text.body", "--image /nowhere", "--location 91,0", "--text x --times 0", "--text x --caption y"} {
		var problems bytes.Buffer
		args := append([]string{"trigger", "inbound", "--from", "1"}, strings.Fields(flags)...)
		if status := run(context.Background(), context.Background(), args, &bytes.Buffer{}, &problems); status != exitUsage {
			t.Errorf("%s: exit status %d, %s", flags, status, problems.String())
		}
	}
}
