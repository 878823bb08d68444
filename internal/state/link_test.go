package state_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ferry/internal/state"
)

func TestLinkedFileHasItsMediaIDUntilItExpiresOrIsDeleted(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx, number := t.Context(), linkNumber(t, s)
		file := state.LinkedFile{PhoneNumberID: number, URL: "https://shop.com/a.jpg?token=" + canary, Kind: "image"}
		if strings.Contains(file.Key(), canary) {
			t.Errorf("the key shows the URL: %s", file.Key())
		}
		want := func(file state.LinkedFile, id string) {
			t.Helper()
			got, err := s.LinkedMedia(ctx, file)
			if id == "unknown" {
				if !errors.Is(err, state.ErrNotFound) {
					t.Errorf("LinkedMedia = %q, %v; want ErrNotFound", got, err)
				}
			} else if err != nil || got != id {
				t.Errorf("LinkedMedia = %q, %v; want %q", got, err, id)
			}
		}
		remember := func(file state.LinkedFile, id string, until time.Duration) {
			t.Helper()
			if err := s.RememberLink(ctx, file, id, now.Add(until)); err != nil {
				t.Fatal(err)
			}
		}
		want(file, "unknown")
		for _, id := range []string{"900", "901"} {
			if err := s.RecordMedia(ctx, state.Media{PhoneNumberID: number, ID: id, ExpiresAt: now.Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		remember(file, "900", time.Minute)
		want(file, "900")
		remember(file, "901", time.Minute)
		want(file, "901")
		want(state.LinkedFile{PhoneNumberID: number, URL: file.URL, Kind: "document"}, "unknown")
		want(state.LinkedFile{PhoneNumberID: number, URL: file.URL + "x", Kind: "image"}, "unknown")
		remember(file, "902", time.Minute) // of a file that was deleted
		want(file, "unknown")
		remember(file, "", time.Minute) // it is sent by link
		want(file, "")
		remember(file, "901", 0)
		want(file, "unknown")
		if removed, err := s.Purge(ctx); err != nil || removed != 1 {
			t.Errorf("%d rows purged, %v", removed, err)
		}
	})
}
