package main

import (
	"fmt"

	"ferry/internal/kms"
)

// kmsFlags say how keys of KMS are read.
type kmsFlags struct {
	KMSEndpoint string `name:"kms-endpoint" help:"URL of what stands for AWS KMS, for PutWhatsAppBusinessPublicKey with kmsKeyArn, such as http://127.0.0.1:5000 of moto_server." placeholder:"URL" group:"Sources"`
}

// checkKMS returns what is wrong with the flags.
func (f kmsFlags) checkKMS() error {
	if err := (kms.Config{Endpoint: f.KMSEndpoint}).Check(); err != nil {
		return fmt.Errorf("--kms-endpoint: %w", err)
	}
	return nil
}
