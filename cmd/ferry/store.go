// The stores of ferry serve: --store on the command line, `store:` in the file.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/alecthomas/kong"

	"ferry/internal/object"
	"ferry/internal/secret"
)

// storeList is a list of S3-compatible stores, each written as a JSON object, or
// as a mapping in the configuration file.
type storeList []object.StoreConfig

func (storeList) isMappings() {}

// Decode implements [kong.MapperValue].
func (l *storeList) Decode(ctx *kong.DecodeContext) error {
	list, err := decodeMappings(ctx, "store", parseStore)
	*l = append(*l, list...)
	return err
}

// parseStore parses one store. Unknown members are errors.
func parseStore(text string) (object.StoreConfig, error) {
	var given struct {
		Buckets             []string `json:"buckets"`
		Endpoint            string   `json:"endpoint"`
		Region              string   `json:"region"`
		PathStyle           bool     `json:"path_style"`
		AccessKeyID         string   `json:"access_key_id"`
		SecretAccessKey     string   `json:"secret_access_key"`
		SecretAccessKeyFile string   `json:"secret_access_key_file"`
		SessionToken        string   `json:"session_token"`
		InstanceProfile     bool     `json:"instance_profile"`
		LiteralKeys         bool     `json:"literal_keys"`
		RequestPayer        bool     `json:"request_payer"`
		ExpectedBucketOwner string   `json:"expected_bucket_owner"`
		VerifyChecksums     bool     `json:"verify_checksums"`
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&given); err != nil {
		return object.StoreConfig{}, fmt.Errorf("expected an object with buckets, endpoint, region, path_style, access_key_id, secret_access_key, secret_access_key_file, session_token, instance_profile, literal_keys, request_payer, expected_bucket_owner, verify_checksums: %w", err)
	}
	key, err := secretOrFile("secret_access_key", given.SecretAccessKey, given.SecretAccessKeyFile)
	if err != nil {
		return object.StoreConfig{}, err
	}
	return object.StoreConfig{
		Buckets: given.Buckets, Endpoint: given.Endpoint, Region: given.Region, PathStyle: given.PathStyle,
		AccessKeyID: given.AccessKeyID, SecretAccessKey: secret.New(key), SessionToken: secret.New(given.SessionToken),
		UseInstanceProfile: given.InstanceProfile, LiteralKeys: given.LiteralKeys, RequestPayer: given.RequestPayer,
		ExpectedBucketOwner: given.ExpectedBucketOwner, VerifyChecksums: given.VerifyChecksums,
	}, nil
}
