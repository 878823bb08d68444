package admin

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestLifeOfATemporaryKeyIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: statetest.Sealer(t), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for life, isAllowed := range map[time.Duration]bool{
		-time.Hour: false, 0: false, MinKeyLife - 1: false, MinKeyLife: true, time.Hour: true, MaxKeyLife: true, MaxKeyLife + 1: false, 1 << 62: false,
	} {
		key, token, err := CreateTemporaryKey(t.Context(), db, life, account, "bot", FullAccessPolicy)
		if (err == nil) != isAllowed {
			t.Errorf("%v: %v", life, err)
		}
		if err != nil {
			continue
		}
		stored, err := db.AccessKey(t.Context(), key.ID)
		hash := sha256.Sum256([]byte(token.Reveal()))
		if err != nil || !stored.ExpiresAt.Equal(now.Add(life)) || !bytes.Equal(stored.TokenHash, hash[:]) {
			t.Errorf("%v: %+v, %v", life, stored, err)
		}
	}
}

func TestOnlyAKeyInUseIsRotated(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: statetest.Sealer(t), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	create := func() string {
		key, err := CreateAccessKey(t.Context(), db, account, "bot", FullAccessPolicy)
		if err != nil {
			t.Fatal(err)
		}
		return key.ID
	}
	temporary, _, err := CreateTemporaryKey(t.Context(), db, time.Hour, account, "bot", FullAccessPolicy)
	if err != nil {
		t.Fatal(err)
	}
	disabled, ended := create(), create()
	if err := SetAccessKeyDisabled(t.Context(), db, disabled, true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := RotateAccessKey(t.Context(), db, ended, time.Minute); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Hour)
	for id, c := range map[string]struct {
		keep time.Duration
		want string
	}{
		create():     {MaxKeyKept, ""},
		create():     {MaxKeyKept + 1, "at most 2160h"},
		temporary.ID: {0, "ends by itself"},
		disabled:     {0, "is disabled"},
		ended:        {0, "is expired"},
		"AKIANOBODY": {0, "there is no access key"},
	} {
		before, err := db.AccessKeys(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		old, successor, err := RotateAccessKey(t.Context(), db, id, c.keep)
		after, listErr := db.AccessKeys(t.Context(), account)
		switch {
		case listErr != nil:
			t.Fatal(listErr)
		case c.want == "":
			if err != nil || len(after) != len(before)+1 || !old.ExpiresAt.Equal(now.Add(c.keep)) || !old.Secret.IsZero() || successor.Secret.IsZero() || successor.ID == old.ID {
				t.Errorf("%s: %+v, %+v, %v", id, old, successor, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want) || len(after) != len(before):
			t.Errorf("%s: %v, want %q; %d keys, then %d", id, err, c.want, len(before), len(after))
		}
	}
	if err := SetAccessKeyDisabled(t.Context(), db, temporary.ID, false); err == nil || !strings.Contains(err.Error(), "has expired") {
		t.Errorf("enabling an expired temporary key: %v", err)
	}
}
