package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ferry/metasim"
)

// metaClientOutcome is what a program of node-meta prints.
type metaClientOutcome struct {
	ID        string
	Described struct {
		MIMEType string `json:"mime_type"`
		SHA256   string
		FileSize json.Number `json:"file_size"`
	}
	Downloaded    string // SHA-256
	WithoutHeader int    // status of a download without the header Authorization
	Deleted       struct{ Success bool }
	Gone, Missing struct {
		Code    int
		Type    string
		Message string
	}

	Template  string // id of a template that the client created
	Templates []struct{ ID, Name, Status string }
	Left      []string // names after it was deleted, if the client deletes it

	// Of Meta's own SDK only.
	Handle, Status string
	Created        int64
	Numbers        []string
}

// Clients of Meta's API that nobody here wrote, as their authors publish them, do
// their media life against the simulator. Their host names are Meta's.
func TestMetaSideClientsCompleteTheirMediaLife(t *testing.T) {
	node := metaClientsBinary(t)
	image := sampleFile(t, "sample.png")
	path := filepath.Join(t.TempDir(), image.Name)
	if err := os.WriteFile(path, image.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(image.Data)
	account := metasim.BusinessAccount{ID: "402290129340398", AppID: metaApp, AppSecret: metaSecret, Token: "EAAcanaryTokenOfTheClients", PhoneNumbers: []metasim.PhoneNumber{
		{ID: "406540352242922"}, {ID: "406540352242923"}, {ID: "406540352242924"}}}
	tests := map[string]struct {
		withoutHeader int      // status of a download without a token, if the client makes one
		missing       string   // what the client asks for and the simulator lacks
		warnings      []string // that all requests of the client have together
	}{
		"facebook-nodejs-business-sdk": {0, "GET /{account}/solutions", []string{"offset_missing", "parameter_place", "parameter_unknown", "token_in_query"}},
		"whatsapp-api-js":              {0, "GET /{phone_number}/groups", []string{"parameter_place", "trailing_slash"}},
		"kapso-whatsapp-cloud-api":     {404, "GET /{account}/schedules", nil},
	}
	for client, test := range tests {
		t.Run(client, func(t *testing.T) {
			sim := startLaxSimulator(t, metasim.Config{BusinessAccounts: []metasim.BusinessAccount{account}})
			env := append(environment(t.TempDir()), "NODE_EXTRA_CA_CERTS="+trusted(t).certFile,
				"META_ADDRESS="+strings.TrimPrefix(sim.url, "https://"), "META_TOKEN="+account.Token, "META_APP="+account.AppID,
				"META_WABA="+account.ID, "META_PHONE="+account.PhoneNumbers[0].ID, "MEDIA_FILE="+path, "MEDIA_TYPE="+image.ContentType)
			var got metaClientOutcome
			output := mustRun(t, env, node, "--import", "./node-meta/redirect.mjs", "node-meta/"+client+".mjs")
			if err := json.Unmarshal([]byte(output), &got); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			if got.ID == "" || got.Downloaded != hex.EncodeToString(digest[:]) || !got.Deleted.Success {
				t.Errorf("the media life is not complete: %s", output)
			}
			if got.Gone.Code != 100 || got.Gone.Type != "GraphMethodException" {
				t.Errorf("a deleted file: %+v", got.Gone)
			}
			if got.WithoutHeader != test.withoutHeader {
				t.Errorf("a download without the header: status %d, want %d", got.WithoutHeader, test.withoutHeader)
			}
			if got.Missing.Type != "NotSimulated" || !strings.Contains(got.Missing.Message, test.missing) {
				t.Errorf("what is not simulated: %+v, want %s", got.Missing, test.missing)
			}
			if client != "whatsapp-api-js" && (len(got.Templates) != 1 || got.Template == "" || got.Templates[0].ID != got.Template) {
				t.Errorf("the template %q and the list %+v", got.Template, got.Templates)
			}
			if client == "kapso-whatsapp-cloud-api" && !slices.Equal(got.Left, []string{"hello_world"}) {
				t.Errorf("templates are left: %q", got.Left)
			}
			if warnings := sim.warnings(); !slices.Equal(warnings, test.warnings) {
				t.Errorf("the warnings are %q, want %q", warnings, test.warnings)
			}
			if client == "facebook-nodejs-business-sdk" {
				got.wantAccount(t, sim, account)
			}
		})
	}
}

// wantAccount checks what Meta's own SDK reads of an account, and its upload of
// template media.
func (got metaClientOutcome) wantAccount(t *testing.T, sim *simulator, account metasim.BusinessAccount) {
	t.Helper()
	handles, err := sim.control.Handles(t.Context())
	sim.must(err)
	if len(handles.Handles) != 1 || handles.Handles[0].Handle != got.Handle {
		t.Errorf("the SDK has the handle %q, the simulator %+v", got.Handle, handles)
	}
	var numbers []string
	for _, number := range account.PhoneNumbers {
		numbers = append(numbers, number.ID)
	}
	if got.Status != "ACTIVE" || got.Created == 0 || !slices.Equal(got.Numbers, numbers) {
		t.Errorf("the account as the SDK reads it: %+v", got)
	}
}

// warnings returns the codes of the warnings of all requests, each once.
func (s *simulator) warnings() []string {
	s.t.Helper()
	history, err := s.control.Requests(s.t.Context())
	s.must(err)
	var codes []string
	for _, request := range history.Requests {
		for _, warning := range request.Warnings {
			codes = append(codes, warning.Code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
