package metasim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestExpiredTokenIsRefusedWithSubcode463(t *testing.T) {
	s := startSim(t)
	if err := s.ExpireToken(account1, s.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if a := s.get("/v25.0/" + phone1); a.status != http.StatusOK {
		t.Fatalf("before it expires: %s", a.body)
	}
	if _, err := s.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	a := s.get("/v25.0/" + phone1)
	if refused := a.refusal(t).Error; a.status != http.StatusUnauthorized || refused.Code != 190 || refused.Subcode != 463 || !strings.HasPrefix(refused.Message, "Error validating access token: Session has expired on ") {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
	if err := s.ExpireToken(account1, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if a := s.get("/v25.0/" + phone1); a.status != http.StatusOK {
		t.Errorf("valid again: %s", a.body)
	}
	if err := s.ExpireToken("9", time.Time{}); err == nil {
		t.Error("there is no account 9")
	}
	s.ExpireToken(account1, s.Now())
	s.Reset()
	if a := s.get("/v25.0/" + phone1); a.status != http.StatusOK {
		t.Errorf("after a reset: %s", a.body)
	}
}
