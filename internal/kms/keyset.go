package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"
)

const (
	// keysetTimeout bounds all attempts to encrypt or decrypt a keyset together.
	keysetTimeout = 30 * time.Second
	// keysetAttempts is the maximum number of these attempts.
	keysetAttempts = 5
	// keysetBackoff is the wait before the second attempt. It doubles each time: a server may
	// start a moment before its network.
	keysetBackoff = 300 * time.Millisecond
)

// keysetContext is the encryption context of keysets. KMS decrypts a keyset only with it,
// and policies of keys can demand it (docs/references.md#kms-context).
var keysetContext = map[string]string{"purpose": "ferry keyset"}

// KeysetKey encrypts and decrypts keysets with a symmetric key of KMS. It implements
// secret.Wrapper.
type KeysetKey struct {
	client *Client
	arn    string
}

// KeysetKey returns the key with an ARN, of a key or of an alias. It sends nothing.
func (c *Client) KeysetKey(arn string) (*KeysetKey, error) {
	if !arnForm.MatchString(arn) {
		return nil, fmt.Errorf("%q is not the ARN of a KMS key; expected one such as arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", arn)
	}
	return &KeysetKey{c, arn}, nil
}

// Wrap encrypts a keyset.
func (k *KeysetKey) Wrap(ctx context.Context, keyset []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keysetTimeout)
	defer cancel()
	service, err := k.client.service(ctx, k.arn)
	if err != nil {
		return nil, err
	}
	out, err := service.Encrypt(ctx, &awskms.EncryptInput{KeyId: &k.arn, Plaintext: keyset, EncryptionContext: keysetContext}, patiently)
	if err != nil {
		return nil, hideSecrets(ctx, service, k.failure("encrypt", err))
	}
	return out.CiphertextBlob, nil
}

// Unwrap decrypts a keyset that Wrap has encrypted with the same key.
func (k *KeysetKey) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, keysetTimeout)
	defer cancel()
	service, err := k.client.service(ctx, k.arn)
	if err != nil {
		return nil, err
	}
	out, err := service.Decrypt(ctx, &awskms.DecryptInput{KeyId: &k.arn, CiphertextBlob: wrapped, EncryptionContext: keysetContext}, patiently)
	if err != nil {
		return nil, hideSecrets(ctx, service, k.failure("decrypt", err))
	}
	// Some servers that stand for KMS decrypt with the key that the ciphertext names.
	if used := aws.ToString(out.KeyId); strings.Contains(k.arn, ":key/") && used != k.arn {
		return nil, k.notItsKey(nil)
	}
	return out.Plaintext, nil
}

// patiently retries for longer than the SDK does by itself.
func patiently(options *awskms.Options) {
	options.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = keysetAttempts
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return keysetBackoff << min(attempt-1, keysetAttempts), nil
		})
	})
}

func (k *KeysetKey) notItsKey(cause error) *Error {
	return &Error{Unsuitable, fmt.Sprintf("KMS does not decrypt the keyset with the key %s: it was encrypted with another key or for another purpose, or was changed", k.arn), cause}
}

// failure returns the error for a failure of the SDK.
func (k *KeysetKey) failure(verb string, err error) *Error {
	refusal, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return &Error{Unavailable, fmt.Sprintf("KMS did not respond properly to the request to %s the keyset with the key %s; check its address and the network, and whether there are AWS credentials (%v)", verb, k.arn, err), err}
	}
	switch code := refusal.ErrorCode(); code {
	case "NotFoundException":
		return &Error{NotFound, fmt.Sprintf("KMS has no key %s (%s)", k.arn, code), err}
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException":
		return &Error{Denied, fmt.Sprintf("KMS does not let these credentials %s the keyset with the key %s (%s); allow kms:Encrypt and kms:Decrypt to them, and check that this is the key of the keyset", verb, k.arn, code), err}
	case "InvalidCiphertextException", "IncorrectKeyException":
		return k.notItsKey(err)
	case "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException", "ValidationException", "UnsupportedOperationException":
		return &Error{Unsuitable, fmt.Sprintf("the key %s cannot %s (%s); it must be enabled, symmetric, and for encryption", k.arn, verb, code), err}
	default:
		return &Error{Unavailable, fmt.Sprintf("KMS failed (%s) to %s the keyset with the key %s", code, verb, k.arn), err}
	}
}
