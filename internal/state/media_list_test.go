package state_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ferry/internal/state"
)

func TestUploadsAreListedNewestFirstEachOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		var numbers []state.PhoneNumber
		for i, account := range []string{"111122223333", "444455556666"} {
			linked, err := db.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: fmt.Sprint("waba", i), PhoneNumbers: []state.PhoneNumber{{MetaID: fmt.Sprint("number", i)}}})
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, linked.PhoneNumbers[0])
		}
		const uploads = 25
		for i := range uploads {
			at := now.Add(time.Duration(i/5) * time.Second) // five at a time
			if err := db.RecordMedia(t.Context(), state.Media{PhoneNumberID: numbers[i%2].ID, ID: fmt.Sprint("m", i), MIMEType: "image/jpeg", Size: 7, Source: "s3",
				SourceName: "s3://bucket/key", CreatedAt: at, ExpiresAt: at.Add(30 * 24 * time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		read := func(limit int, match func(state.AccountMedia) bool) (ids []string) {
			var last time.Time
			for place, pages := (state.MediaPlace{}), 0; ; pages++ {
				list, next, err := db.ListMedia(t.Context(), place, limit, match)
				if err != nil || len(list) > limit || pages > uploads {
					t.Fatal(len(list), pages, err)
				}
				for _, m := range list {
					if !last.IsZero() && m.ExpiresAt.After(last) {
						t.Errorf("%s is behind an older one", m.ID)
					}
					if last = m.ExpiresAt; m.ExpiresAt.Sub(m.CreatedAt) != 30*24*time.Hour || m.SourceName != "s3://bucket/key" {
						t.Errorf("%+v", m)
					}
					ids = append(ids, m.ID)
				}
				if place = next; next == (state.MediaPlace{}) {
					return ids
				}
			}
		}
		for _, limit := range []int{1, 4, 24, 25, 100} {
			ids := read(limit, func(state.AccountMedia) bool { return true })
			slices.Sort(ids)
			if len(slices.Compact(ids)) != uploads {
				t.Errorf("pages of %d have %d uploads", limit, len(ids))
			}
		}
		if ids := read(3, func(m state.AccountMedia) bool { return m.AccountID == "444455556666" }); len(ids) != uploads/2 {
			t.Errorf("the second account has %v", ids)
		}
		if ids := read(3, func(state.AccountMedia) bool { return false }); len(ids) != 0 {
			t.Errorf("none is selected, and these are listed: %v", ids)
		}
	})
}
