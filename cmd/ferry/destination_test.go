package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/event"
)

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestDestinationIsReadWithAllItsMembers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(signingSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := parseDestination(`{"name": "crm", "type": "https", "accounts": ["111122223333"], "wabas": ["waba-ab1", "arn:aws:social-messaging:us-east-1:111122223333:waba/cd2"],
		"on_put": true, "events": ["status.*"], "phone_numbers": ["phone-number-id-ef3"], "slots": 4, "timeout": "20s",
		"url": "https://crm.example.com/", "private": true, "secrets": ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="], "secret_files": ["` + path + `"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Secrets) != 2 || got.Secrets[1].Reveal() != signingSecret || event.CheckDestinations([]event.Destination{got}) != nil {
		t.Errorf("secrets: %v; %v", got.Secrets, event.CheckDestinations([]event.Destination{got}))
	}
	got.Secrets = nil
	want := event.Destination{
		Name: "crm", Type: event.HTTPS, Accounts: []string{"111122223333"}, BusinessAccounts: []string{"ab1", "cd2"}, OnPut: true, Events: []string{"status.*"},
		PhoneNumbers: []string{"ef3"}, Slots: 4, Timeout: 20 * time.Second, URL: "https://crm.example.com/", Private: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesOfDestinationsAreReportedBeforeTheServerStarts(t *testing.T) {
	const canary = "canary-51c0"
	for given, want := range map[string]string{
		`{"name": "a", "type": "stdout", "colour": "` + canary + `"}`:                                                     `"colour"`,
		`{"name": "a", "type": "stdout", "name": "b"}`:                                                                    "duplicate",
		`{"name": "a", "type": "https", "url": "https://example.com/", "secrets": ["` + canary + `"]}`:                    "secret 1",
		`{"name": "a", "type": "https", "url": "https://example.com/", "secret_files": ["/nowhere"]}`:                     "secret_files",
		`{"name": "a", "type": "sqs", "queue_url": "https://sqs.example.com/1/q", "secret_access_key": "` + canary + `"}`: "belong together",
		`{"name": "a", "type": "stdout", "timeout": "soon"}`:                                                              "expected a duration",
		`{"name": "a", "type": "eventbridge", "source": "aws.social-messaging"}`:                                          "AWS refuses sources",
		`[]`:   "expected an object",
		canary: "expected an object",
	} {
		var out, problems bytes.Buffer
		status := run(context.Background(), context.Background(), []string{"serve", "--database", ":memory:", "--destination", given}, &out, &problems)
		if text := problems.String(); status == 0 || !strings.Contains(text, want) || strings.Contains(text, canary) {
			t.Errorf("%s: status %d: %s", given, status, text)
		}
	}
	path := filepath.Join(t.TempDir(), "ferry.yaml")
	file := "destination:\n- name: a\n  type: stdout\n- name: a\n  type: stdout\nsns-endpoint: ftp://x\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	run(context.Background(), context.Background(), []string{"serve", "--database", ":memory:", "--config", path}, &out, &problems)
	for _, want := range []string{`two destinations are called "a"`, "--sns-endpoint"} {
		if !strings.Contains(problems.String(), want) {
			t.Errorf("the file: %s", problems.String())
		}
	}
}
