package metasim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func proofOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestAppSecretProofIsVerified(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		secret  string // of the app; empty means that it has none
		query   func(token string, now time.Time) url.Values
		refused bool
	}{
		"no proof": {secret, func(string, time.Time) url.Values { return nil }, false},
		"right": {secret, func(token string, _ time.Time) url.Values {
			return url.Values{"appsecret_proof": {proofOf(secret, token)}}
		}, false},
		"with another secret": {secret, func(token string, _ time.Time) url.Values {
			return url.Values{"appsecret_proof": {proofOf("other", token)}}
		}, true},
		"of another token": {secret, func(token string, _ time.Time) url.Values {
			return url.Values{"appsecret_proof": {proofOf(secret, token+"x")}}
		}, true},
		"in upper case": {secret, func(token string, _ time.Time) url.Values {
			return url.Values{"appsecret_proof": {strings.ToUpper(proofOf(secret, token))}}
		}, true},
		"empty": {secret, func(string, time.Time) url.Values { return url.Values{"appsecret_proof": {""}} }, true},
		"with the time": {secret, func(token string, now time.Time) url.Values {
			at := strconv.FormatInt(now.Unix(), 10)
			return url.Values{"appsecret_proof": {proofOf(secret, token+"|"+at)}, "appsecret_time": {at}}
		}, false},
		"with a time that it does not sign": {secret, func(token string, now time.Time) url.Values {
			return url.Values{"appsecret_proof": {proofOf(secret, token)}, "appsecret_time": {strconv.FormatInt(now.Unix(), 10)}}
		}, true},
		"six minutes old": {secret, func(token string, now time.Time) url.Values {
			at := strconv.FormatInt(now.Add(-6*time.Minute).Unix(), 10)
			return url.Values{"appsecret_proof": {proofOf(secret, token+"|"+at)}, "appsecret_time": {at}}
		}, true},
		"with no number as its time": {secret, func(token string, _ time.Time) url.Values {
			return url.Values{"appsecret_proof": {proofOf(secret, token+"|now")}, "appsecret_time": {"now"}}
		}, true},
		"of an app without a secret": {"", func(string, time.Time) url.Values { return url.Values{"appsecret_proof": {"anything"}} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, func(c *Config) { c.BusinessAccounts[0].AppID, c.BusinessAccounts[0].AppSecret = app1, test.secret })
			account := s.cfg.BusinessAccounts[0]
			a := s.get("/v25.0/" + account.ID + "?" + test.query(account.Token, s.Now()).Encode())
			if !test.refused {
				if a.status != http.StatusOK {
					t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
			for _, part := range []string{`"message":"Invalid appsecret_proof provided in the API argument"`, `"type":"GraphMethodException"`, `"code":100`} {
				if a.status != http.StatusBadRequest || !strings.Contains(a.body, part) {
					t.Errorf("%d %s, want 400 and %s", a.status, a.body, part)
				}
			}
		})
	}
}
