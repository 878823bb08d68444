package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"ferry/internal/secret"
)

const canary = "canary-9f31c7"

type holder struct {
	Exported secret.Secret
	hidden   secret.Secret
	list     []secret.Secret
	byName   map[string]secret.Secret
	pointer  *secret.Secret
	any      any
}

func newHolder() holder {
	s := secret.New(canary)
	return holder{s, s, []secret.Secret{s}, map[string]secret.Secret{"k": s}, &s, s}
}

func TestNoVerbPrintsTheValue(t *testing.T) {
	h := newHolder()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10.3v"} {
		for name, value := range map[string]any{
			"itself": h.Exported, "pointer": h.pointer, "struct": h, "pointer to struct": &h,
			"slice": h.list, "map": h.byName, "error": fmt.Errorf("failed: %v", h),
		} {
			out := fmt.Sprintf(verb, value)
			for _, leak := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint([]byte(canary))} {
				if strings.Contains(out, leak) {
					t.Errorf("%s of %s shows the value: %s", verb, name, out)
				}
			}
		}
	}
}

func TestNoLogHandlerAndNoEncoderShowsTheValue(t *testing.T) {
	var out bytes.Buffer
	h := newHolder()
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "direct", h.Exported, "struct", h, "pointer", &h, "slice", h.list, "error", errors.New(fmt.Sprint(h)))
	}
	encoded, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	if strings.Contains(out.String(), canary) {
		t.Errorf("the value is shown: %s", out.String())
	}
	if !strings.Contains(out.String(), secret.Redacted) {
		t.Errorf("nothing says %s: %s", secret.Redacted, out.String())
	}
}

func TestValueComesBackOnlyByReveal(t *testing.T) {
	var s secret.Secret
	if !s.IsZero() || s.Reveal() != "" {
		t.Error("the zero value is not empty")
	}
	if err := s.UnmarshalText([]byte(canary)); err != nil || s.Reveal() != canary {
		t.Errorf("Reveal = %q, %v", s.Reveal(), err)
	}
	if !s.Equal(secret.New(canary)) || s.Equal(secret.New("other")) || s.Equal(secret.Secret{}) {
		t.Error("Equal compares something other than the values")
	}
}
