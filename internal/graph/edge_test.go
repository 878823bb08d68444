package graph_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"ferry/internal/graph"
	"ferry/internal/secret"
)

// changes are calls that change something at Meta.
var changes = map[string]func(t *testing.T, c *graph.Client) error{
	"JSON": func(t *testing.T, c *graph.Client) error {
		_, err := c.CreateTemplate(t.Context(), "100", []byte(`{}`), secret.New(token))
		return err
	},
	"form": func(t *testing.T, c *graph.Client) error {
		return c.PutPublicKey(t.Context(), "1", "PEM", secret.New(token))
	},
	"no body": func(t *testing.T, c *graph.Client) error { return c.PublishFlow(t.Context(), "31", secret.New(token)) },
	"DELETE":  func(t *testing.T, c *graph.Client) error { return c.DeleteFlow(t.Context(), "31", secret.New(token)) },
	"file": func(t *testing.T, c *graph.Client) error {
		_, err := c.PutFlowJSON(t.Context(), "31", []byte(`{}`), secret.New(token))
		return err
	},
}

func TestChangeIsAmbiguousOnlyIfMetaMayHaveIt(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := graph.New(graph.Config{BaseURL: "http://" + listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			for response, isAmbiguous := range map[string]bool{"": true, "200 not JSON": true, "200 {}": true, "200 []": true, `200 {"success":false}`: true, `400 {"error":{"code":100,"message":"m"}}`: false} {
				client := serve(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if response == "" {
						panic(http.ErrAbortHandler)
					}
					if response[0] == '4' {
						w.WriteHeader(http.StatusBadRequest)
					}
					_, _ = io.WriteString(w, response[4:])
				})
				if err := change(t, client); err == nil || graph.IsAmbiguous(err) != isAmbiguous {
					t.Errorf("%q: %v, ambiguous is %v", response, err, graph.IsAmbiguous(err))
				}
			}
			err := change(t, nobody)
			if _, ok := errors.AsType[*graph.UnreachableError](err); !ok || graph.IsAmbiguous(err) {
				t.Errorf("without a connection: %v", err)
			}
		})
	}
}

// The names of fields and the text for the user say more than "Invalid parameter".
func TestErrorSaysWhatMetaSaysToUsers(t *testing.T) {
	for data, want := range map[string]string{
		`"error_user_title":"Name format is incorrect","error_user_msg":"Use lower case.","error_data":{"blame_field_specs":[["name"]]}`: "code 100 subcode 2388046: Name format is incorrect: Use lower case.",
		`"error_data":{"blame_field_specs":[["name"],["components","0"]]}`:                                                               "code 100 subcode 2388046: Invalid parameter (in name, components.0)",
		`"error_data":"{\"blame_field_specs\":[[\"name\"]]}"`:                                                                            "code 100 subcode 2388046: Invalid parameter (in name)",
		`"error_user_title":"Only a title"`:                                                                                              "code 100 subcode 2388046: Only a title",
		`"error_user_title":"T","error_user_msg":"M","error_data":{"details":"D"}`:                                                       "code 100 subcode 2388046: T: M (D)",
	} {
		client := respond(t, http.StatusBadRequest, nil, `{"error":{"message":"Invalid parameter","code":100,"error_subcode":2388046,`+data+`}}`)
		_, err := client.CreateTemplate(t.Context(), "100", []byte(`{}`), secret.New(token))
		if refusal, ok := errors.AsType[*graph.Error](err); !ok || refusal.Summary() != want {
			t.Errorf("%v; want %q", err, want)
		}
	}
}
