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

// urlLifetime is how long a download URL is valid (docs/references.md#graph-media).
const urlLifetime = 5 * time.Minute

type success struct {
	Success bool `json:"success"`
}

// retrieve returns the description of a file with a new download URL. file_size is
// a number and sha256 is hex, as observed (docs/references.md#graph-media).
func (s *Server) retrieve(c *call) (any, *apiError) {
	file, err := s.findMedia(c)
	if err != nil {
		return nil, err
	}
	return c.respondWithNode(node{
		kind: "WhatsAppBusinessMedia",
		as:   nodeMedia,
		fields: map[string]any{
			"messaging_product": "whatsapp",
			"url":               s.downloadURL(c.r, file.ID),
			"mime_type":         file.MIMEType,
			"sha256":            file.SHA256,
			"file_size":         file.Size,
			"id":                file.ID,
		},
	})
}

// delete deletes a file. The second time it does not exist.
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

// findMedia returns the file that a request names. The error is the same for one
// that does not exist and for one that was uploaded for another number than
// phone_number_id.
func (s *Server) findMedia(c *call) (Media, *apiError) {
	file, ok := s.Media(c.id)
	phone := c.parameters.get("phone_number_id")
	if ok && (phone == "" || phone == file.PhoneNumberID) {
		return file, nil
	}
	e := unsupported(c.r.Method, c.id)
	if e.reason = "the media was uploaded for another number than phone_number_id"; !ok {
		e.reason = "no such media, or it has expired"
	}
	return Media{}, e
}

// origin returns the scheme://host of the URLs of this server.
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

func (s *Server) downloadURL(r *http.Request, id string) string { return s.signedURL(s.origin(r), id) }

// signedURL returns a download URL of a file, at an origin.
func (s *Server) signedURL(origin, id string) string {
	expiry := strconv.FormatInt(s.Now().Add(urlLifetime).Unix(), 10)
	query := url.Values{"mid": {id}, "ext": {expiry}, "hash": {s.urlSignature(id, expiry)}}
	return origin + downloadPath + "?" + query.Encode()
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
