// The keys with which Meta encrypts what flows exchange with a business.

package social

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"ferry/internal/kms"
	"ferry/internal/policy"
	"ferry/socialmessaging"
)

// keyBits is the size of the keys that Meta takes (docs/references.md#graph-flows).
const keyBits = 2048

// GetWhatsAppBusinessPublicKey returns the key of a phone number, and whether Meta's
// signature of it is valid. Without a key, the result is empty.
func (m *metaCall) GetWhatsAppBusinessPublicKey(ctx context.Context, _ *socialmessaging.GetWhatsAppBusinessPublicKeyInput) (*socialmessaging.GetWhatsAppBusinessPublicKeyOutput, error) {
	key, err := m.meta.PublicKey(ctx, m.sender.MetaID, m.token)
	if err != nil {
		return nil, err
	}
	return &socialmessaging.GetWhatsAppBusinessPublicKeyOutput{
		BusinessPublicKey: textOrNil(key.PEM), BusinessPublicKeySignatureStatus: textOrNil(key.SignatureStatus),
	}, nil
}

// publicKeyNeeds are the rights of PutWhatsAppBusinessPublicKey beside its own: ferry
// reads the key with its own credentials.
func publicKeyNeeds(in *socialmessaging.PutWhatsAppBusinessPublicKeyInput) []policy.Request {
	if in.KmsKeyArn == nil {
		return nil
	}
	return []policy.Request{{Action: "kms:GetPublicKey", Resource: *in.KmsKeyArn}}
}

// PutWhatsAppBusinessPublicKey sets the key of a phone number: a PEM, or the public half
// of a key of KMS.
//
// Errors: InvalidParameters unless exactly one of both is set, and for a key that is not
// RSA with 2048 bits; ResourceNotFound, AccessDenied and Dependency for a key that KMS
// does not return.
func (m *metaCall) PutWhatsAppBusinessPublicKey(ctx context.Context, in *socialmessaging.PutWhatsAppBusinessPublicKeyInput) (*socialmessaging.PutWhatsAppBusinessPublicKeyOutput, error) {
	var key string
	switch {
	case (in.BusinessPublicKey == nil) == (in.KmsKeyArn == nil):
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "Set exactly one of businessPublicKey and kmsKeyArn.")
	case in.KmsKeyArn == nil:
		if err := checkPublicKey(*in.BusinessPublicKey); err != nil {
			return nil, err
		}
		key = *in.BusinessPublicKey
	case m.kms == nil:
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "%s Use businessPublicKey with the key itself.", m.config.NoKMS)
	default:
		var err error
		if key, err = m.kms.PublicKey(ctx, *in.KmsKeyArn); err != nil {
			return nil, err
		}
	}
	if err := m.meta.PutPublicKey(ctx, m.sender.MetaID, key, m.token); err != nil {
		return nil, m.unsettled(err, "GetWhatsAppBusinessPublicKey shows the key of the phone number. Setting it again is safe.")
	}
	return &socialmessaging.PutWhatsAppBusinessPublicKeyOutput{}, nil
}

// checkPublicKey returns an error unless a text is a public key that Meta takes.
func checkPublicKey(text string) error {
	refuse := func(what string) error {
		return fail(socialmessaging.KindInvalidParameters, nil, "businessPublicKey %s. It must be the public half of an RSA key of %d bits as PEM, as 'openssl rsa -in private.pem -pubout' prints it.", what, keyBits)
	}
	if strings.Contains(text, "PRIVATE KEY") {
		return refuse("is a private key, which was not sent to WhatsApp; ferry keeps nothing of it. Do not send it to anybody")
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return refuse("is not one PEM block")
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return refuse("is of the type '" + block.Type + "'")
	}
	if err != nil {
		return refuse("cannot be read")
	}
	if own, ok := key.(*rsa.PublicKey); !ok || own.N.BitLen() != keyBits {
		return refuse("is a key of another kind or size")
	}
	return nil
}

// kmsFault returns the fault for an error of KMS.
func kmsFault(e *kms.Error) *fault {
	kinds := map[kms.Kind]*socialmessaging.ExceptionKind{
		kms.NotFound: socialmessaging.KindResourceNotFound, kms.Denied: socialmessaging.KindAccessDenied, kms.Unsuitable: socialmessaging.KindInvalidParameters,
	}
	kind, ok := kinds[e.Kind]
	if !ok {
		kind = socialmessaging.KindDependency
	}
	return fail(kind, e.Cause, "%s", e.Message)
}
