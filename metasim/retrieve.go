package metasim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// urlLifetime is how long a download address is good for (§3.2).
const urlLifetime = 5 * time.Minute

// mediaDescription is the answer to a retrieval. file_size is a number and
// sha256 is hex, as captures show them (§13.8, §13.9).
type mediaDescription struct {
	MessagingProduct string `json:"messaging_product"`
	URL              string `json:"url"`
	MIMEType         string `json:"mime_type"`
	SHA256           string `json:"sha256"`
	FileSize         int64  `json:"file_size"` // bytes
	ID               string `json:"id"`
}

type success struct {
	Success bool `json:"success"`
}

// retrieve describes a file and gives a new address to download it from.
func (s *Server) retrieve(c *call) (any, *apiError) {
	file, err := s.findMedia(c)
	if err != nil {
		return nil, err
	}
	return mediaDescription{
		MessagingProduct: "whatsapp",
		URL:              s.downloadURL(c.r, file.ID),
		MIMEType:         file.MIMEType,
		SHA256:           file.SHA256,
		FileSize:         file.Size,
		ID:               file.ID,
	}, nil
}

// delete deletes a file; the second time it does not exist (§13.12).
func (s *Server) delete(c *call) (any, *apiError) {
	file, err := s.findMedia(c)
	if err != nil {
		return nil, err
	}
	existed, removeErr := s.media.remove(file.ID)
	if removeErr != nil {
		return nil, c.storageError(removeErr)
	}
	if !existed {
		return nil, unsupported(c.r.Method, file.ID)
	}
	s.discardBytes(file.ID)
	return success{true}, nil
}

// findMedia finds the file that a request names. Meta answers alike for one
// that does not exist and for one that was uploaded for another number than
// phone_number_id says.
func (s *Server) findMedia(c *call) (Media, *apiError) {
	file, ok := s.Media(c.id)
	query := c.r.URL.Query()
	if ok && (!query.Has("phone_number_id") || query.Get("phone_number_id") == file.PhoneNumberID) {
		return file, nil
	}
	e := unsupported(c.r.Method, c.id)
	if e.reason = "the media was uploaded for another number than phone_number_id"; !ok {
		e.reason = "no such media, or it has expired"
	}
	return Media{}, e
}

// origin is the scheme://host that addresses of this server begin with.
func (s *Server) origin(r *http.Request) string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}

func (s *Server) downloadURL(r *http.Request, id string) string {
	expiry := strconv.FormatInt(s.Now().Add(urlLifetime).Unix(), 10)
	query := url.Values{"mid": {id}, "ext": {expiry}, "hash": {s.urlSignature(id, expiry)}}
	return s.origin(r) + downloadPath + "?" + query.Encode()
}

func (s *Server) urlSignature(id, expiry string) string {
	mac := hmac.New(sha256.New, s.urlKey[:])
	mac.Write([]byte(id + "\n" + expiry))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:20])
}

// download sends the bytes of a file. Every refusal is the same 404; the
// history has the reason.
func (s *Server) download(c *call) (any, *apiError) {
	file, err := s.authorizeDownload(c)
	if err != nil {
		return nil, err
	}
	content, openErr := s.cfg.Storage.Open(file.ID)
	if openErr != nil {
		s.cfg.Logger.Error("metasim: open in storage", "media_id", file.ID, "error", openErr)
		return nil, storageFailed("cannot read the file back: " + openErr.Error())
	}
	defer content.Close()
	header := c.w.Header()
	header.Set("Content-Type", file.MIMEType)
	header.Set("ETag", `"`+file.SHA256+`"`)
	http.ServeContent(c.w, c.r, "", file.Created, content)
	return nil, nil
}

// authorizeDownload checks a download URL and who requests it.
func (s *Server) authorizeDownload(c *call) (Media, *apiError) {
	if strings.TrimSpace(c.r.UserAgent()) == "" {
		return Media{}, downloadNotFound("the User-Agent is empty")
	}
	query := c.r.URL.Query()
	id, expiry := query.Get("mid"), query.Get("ext")
	if !hmac.Equal([]byte(query.Get("hash")), []byte(s.urlSignature(id, expiry))) {
		return Media{}, downloadNotFound("the URL was not made by this server")
	}
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if now := s.Now(); err != nil || now.Unix() >= seconds {
		return Media{}, downloadNotFound("the URL has expired")
	}
	file, ok := s.Media(id)
	if !ok || !s.ownsPhoneNumber(c.accounts, file.PhoneNumberID) {
		return Media{}, downloadNotFound("no such media, or it belongs to another account than the token")
	}
	return file, nil
}
