package main

import (
	"fmt"

	"ferry/internal/kms"
	"ferry/internal/secret"
)

// kmsFlags say where KMS is.
type kmsFlags struct {
	KMSEndpoint string `name:"kms-endpoint" help:"URL of what stands for AWS KMS, such as http://127.0.0.1:5000 of moto_server. Default: AWS, in the region of the key." placeholder:"URL" group:"KMS"`
}

// kmsAccess says how KMS is reached.
type kmsAccess struct {
	kmsFlags
	KMSInstanceProfile bool `name:"kms-instance-profile" help:"Call AWS KMS with the role of the EC2 instance (IMDS), if there are no other credentials." group:"KMS"`
}

// wrapper returns the key of KMS with an ARN. An empty one means none.
func (f kmsAccess) wrapper(flag, arn string) (secret.Wrapper, error) {
	if arn == "" {
		return nil, nil
	}
	client, err := kms.New(f.config())
	if err != nil {
		return nil, fmt.Errorf("--kms-endpoint: %w", err)
	}
	key, err := client.KeysetKey(arn)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return key, nil
}

func (f kmsAccess) config() kms.Config {
	return kms.Config{Endpoint: f.KMSEndpoint, UseInstanceProfile: f.KMSInstanceProfile}
}

// checkKMS returns what is wrong with the flags.
func (f kmsFlags) checkKMS() error {
	if err := (kms.Config{Endpoint: f.KMSEndpoint}).Check(); err != nil {
		return fmt.Errorf("--kms-endpoint: %w", err)
	}
	return nil
}
