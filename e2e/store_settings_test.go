package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// A bit of an object changes on the disk of the store, which keeps the checksum of the upload.
func TestObjectThatChangedOnTheStoresDiskIsNotSent(t *testing.T) {
	s3 := ownS3(t, s3Options{})
	plain, careful := s3.store("plain-*"), s3.store("careful-*")
	careful.VerifyChecksums, careful.RequestPayer = true, true
	w := newWorld(t, worldOptions{stores: []store{plain, careful}})
	file := sampleFile(t, "sample.jpg")
	changed := append([]byte(nil), file.Data...)
	changed[len(changed)/2] ^= 1
	for name, verified := range map[string]bool{"plain": false, "careful": true} {
		bucket := s3.bucket(t, name)
		s3.put(t, bucket, "a.jpg", file.Data, file.ContentType)
		w.sim.wantStored(w.post(fromBucket(w.phone, bucket, "a.jpg")), file.Data)
		onDisk, err := os.OpenFile(filepath.Join(s3.root, bucket, "a.jpg"), os.O_WRONLY, 0) // keeps the attributes of the object
		if err == nil {
			_, err = onDisk.Write(changed)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = onDisk.Close()
		if !verified {
			w.sim.wantStored(w.post(fromBucket(w.phone, bucket, "a.jpg")), changed)
			continue
		}
		_, err = w.client().PostWhatsAppMessageMedia(t.Context(), fromBucket(w.phone, bucket, "a.jpg"))
		wantGoException(t, err, "DependencyException", http.StatusBadGateway, "CRC-64/NVME", "[checksum-mismatch]")
	}
}
