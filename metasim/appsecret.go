package metasim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// proofLife is how long a proof with a time is valid (docs/references.md#graph-app-secret).
const proofLife = 5 * time.Minute

// checkProof checks the parameter appsecret_proof, by which a client shows that it has
// the secret of the app that its token belongs to. A request without one is
// accepted, and so is every proof if no app of the token's accounts has a secret.
func (s *Server) checkProof(c *call) *apiError {
	proof, sent := c.parameters["appsecret_proof"]
	secrets := s.appSecrets(c.accounts)
	if !sent || len(secrets) == 0 {
		return nil
	}
	signed, at := c.token, c.parameters.get("appsecret_time")
	if at != "" {
		seconds, err := strconv.ParseInt(at, 10, 64)
		if age := s.Now().Sub(time.Unix(seconds, 0)); err != nil || age.Abs() > proofLife {
			return invalidProof("appsecret_time is no time of the last five minutes, in Unix seconds")
		}
		signed += "|" + at
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		if hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(proof.value)) {
			return nil
		}
	}
	return invalidProof("appsecret_proof is not the HMAC-SHA256 of the token with the app's secret, in lower-case hexadecimal")
}

// appSecrets returns the secrets of the apps through which accounts are connected.
func (s *Server) appSecrets(accounts map[string]bool) (secrets []string) {
	for id := range accounts {
		if account := s.accounts[id]; account != nil && account.AppSecret != "" {
			secrets = append(secrets, account.AppSecret)
		}
	}
	return secrets
}

func invalidProof(reason string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, kind: "GraphMethodException", code: 100, reason: reason,
		message: "Invalid appsecret_proof provided in the API argument",
	}
}
