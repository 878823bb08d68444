package metasim

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkUpload measures the simulator's own share of a benchmark: parsing,
// hashing and discarding 16 MiB, without a network.
func BenchmarkUpload(b *testing.B) {
	const size = videoLimit
	s := New(Config{Storage: NewDiscardStorage(), BusinessAccounts: []BusinessAccount{
		{ID: account1, Token: token1, PhoneNumbers: []PhoneNumber{{ID: phone1}}}}})
	defer s.Close()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		body, _ := sizedForm("a.mp4", "video/mp4", mp4, size)
		r := httptest.NewRequest(http.MethodPost, "/v25.0/"+phone1+"/media", body)
		r.Header.Set("Authorization", "Bearer "+token1)
		r.Header.Set("Content-Type", formType)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
