// The public key of a phone number, by which endpoints of flows decrypt what people
// enter (docs/references.md#graph-flows).

package metasim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"
)

const (
	encryptionKeyKind  = "encryption_key" // of records
	maxEncryptionKeys  = 100_000
	encryptionKeyBits  = 2048
	maxEncryptionBytes = 4096 // of a PEM
)

var errKeysFull = errors.New("metasim: keys: too many keys; reset the simulator")

// encryptionKey is the public key of a phone number.
type encryptionKey struct {
	PhoneNumberID string    `json:"phone_number_id"`
	PEM           string    `json:"pem"`
	Created       time.Time `json:"created"`
}

func (k encryptionKey) createdAt() time.Time { return k.Created }
func (k encryptionKey) expiresAt() time.Time { return time.Time{} }

var encryptionOperations = []operation{
	{name: OperationEncryptionKey, method: "GET", pattern: "/{version}/{phone_number}/whatsapp_business_encryption", auth: ownersToken, serve: (*Server).publicKey,
		parameters: pageParameters, place: inQuery},
	{name: OperationUpdateEncryptionKey, method: "POST", pattern: "/{version}/{phone_number}/whatsapp_business_encryption", auth: ownersToken, serve: (*Server).setPublicKey,
		parameters: []string{"business_public_key", "messaging_product"}, place: inBody},
}

func (s *Server) checkKeyRecord(id string, row encryptionKey) error {
	if row.PhoneNumberID != id || !isEncryptionKey(row.PEM) {
		return badRecord(encryptionKeyKind, id, "it is no public key of %q", truncate(row.PhoneNumberID))
	}
	return nil
}

// isEncryptionKey reports whether a text is the PEM of an RSA key of 2048 bits.
func isEncryptionKey(text string) bool {
	block, rest := pem.Decode([]byte(text))
	if block == nil || strings.TrimSpace(string(rest)) != "" || len(text) > maxEncryptionBytes {
		return false
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	}
	public, ok := key.(*rsa.PublicKey)
	return err == nil && ok && public.N.BitLen() == encryptionKeyBits
}

// hasPublicKey reports whether a number of an account has a key.
func (s *Server) hasPublicKey(account string) bool {
	for _, row := range s.keys.all() {
		if s.accountOf(row.PhoneNumberID) == account {
			return true
		}
	}
	return false
}

func (s *Server) setPublicKey(c *call) (any, *apiError) {
	text := c.parameters.get("business_public_key")
	switch {
	case text == "":
		return nil, missingParameter("business_public_key")
	case !isEncryptionKey(text):
		return nil, parameterError("Param business_public_key must be a 2048-bit RSA public key in PEM format.")
	}
	return c.saved(s.keys.put(c.id, encryptionKey{PhoneNumberID: c.id, PEM: text, Created: s.Now()}))
}

func (s *Server) publicKey(c *call) (any, *apiError) {
	row, ok := s.keys.find(c.id, time.Time{})
	if !ok {
		return c.respondWithEdge(edge{})
	}
	return c.respondWithEdge(edge{rows: []node{structure("WhatsAppBusinessEncryption", map[string]any{
		"business_public_key": row.PEM, "business_public_key_signature_status": "VALID"})}})
}
