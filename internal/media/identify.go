package media

import "slices"

// sniffSize is how many of a file's first bytes decide its type. It is enough for the
// member names at the start of an Office file, and all that the detector reads.
const sniffSize = 4096

// identify decides a file's type by its first bytes alone; see settle.
func identify(f File) Result {
	detected, problem := recognise(f)
	if problem != nil {
		return refused(problem)
	}
	return settle(f, detected)
}

// recognise checks the length of a file, and returns what its first bytes show.
func recognise(f File) (detection, *refusal) {
	if problem := checkLength(f.Size, len(f.Head)); problem != nil {
		return detection{}, problem
	}
	detected := sniff(f.Head, baseType(f.DeclaredType))
	return detected, checkCoding(f, f.Head[:min(len(f.Head), sniffSize)], detected)
}

// settle decides a file's type and checks it against WhatsApp's table. A refused file has
// one finding, and no name or content type for Meta. A file that is accepted may have a
// finding about its type.
func settle(f File, detected detection) Result {
	declared := baseType(f.DeclaredType)
	if result, ok := unusable(f, declared); ok {
		return result
	}
	if isPlain(f, declared, detected) {
		return identifyPlain(f, declared, detected)
	}
	d := decide(f, declared, detected)
	if d.problem != nil {
		return refused(d.problem)
	}
	t := row(d.mime, detected.animated)
	if f.Size > t.maxSize {
		return refused(tooLarge(t, f.Size))
	}
	result := Result{Type: t, ContentType: contentType(t), FileName: fileName(f.Name, t)}
	if d.note != nil {
		result.add(t, d.note.code, d.note.fix, d.note.args...)
	}
	return result
}

// identifyPlain is settle for a text format that is sent as text/plain.
func identifyPlain(f File, declared string, detected detection) Result {
	t := row("text/plain", false)
	if f.Size > t.maxSize {
		return refused(tooLarge(t, f.Size))
	}
	named := t
	if !t.fits(extension(f.Name)) {
		named.extension = plainExtension(declared, detected)
	}
	return Result{Type: t, ContentType: contentType(t), FileName: fileName(f.Name, named)}
}

// refusal is a finding about the type or the length of a file.
type refusal struct {
	code string
	fix  string // empty means the rule's own
	args []any  // for the rule's why
}

func refuse(code, fix string, args ...any) *refusal { return &refusal{code, fix, args} }

// refused is the result for a file that is refused for its type or its length.
func refused(why *refusal) Result {
	var r Result
	r.add(Type{}, why.code, why.fix, why.args...)
	return r
}

// checkLength requires a length that can be announced to Meta and is not less than what
// has already been read. It returns nil if the length is fine.
func checkLength(size int64, read int) *refusal {
	switch {
	case size < 0:
		return refuse(CodeSizeUnknown, "", "the source does not announce it, and the upload needs it")
	case size == 0:
		return refuse(CodeEmpty, "", "its size is 0 bytes")
	case read == 0:
		return refuse(CodeEmpty, "Check that the object can be read.", "the source announced "+bytesText(size)+" but sent none of them")
	case int64(min(read, sniffSize)) > size:
		return refuse(CodeSizeUnknown, "", "the source announced "+bytesText(size)+" but sent more")
	}
	return nil
}

// decision is the MIME type of the row that a file goes under, or why there is none.
type decision struct {
	mime    string
	note    *refusal // a finding about a file that is accepted; may be nil
	problem *refusal // why the file is refused; nil if it is not
}

func accept(mime string) decision              { return decision{mime: mime} }
func acceptWith(m string, n *refusal) decision { return decision{mime: m, note: n} }
func reject(problem *refusal) decision         { return decision{problem: problem} }

// decide decides the type. What the tracks inside show comes first, then a declared type that
// the bytes agree with. Documents may have other bytes (documents.go).
func decide(f File, declared string, detected detection) decision {
	if d, ok := decideByTracks(f, declared, detected); ok {
		return d
	}
	if isUninformative(declared) {
		return undeclared(f, detected)
	}
	t, ok := lookup(declared)
	switch {
	case !ok:
		return reject(notAccepted(declared, detected))
	case slices.Contains(detected.candidates, t.MIME):
		return accept(t.MIME)
	case t.MIME == "audio/ogg" && detected.mime == "application/ogg":
		return reject(notOpus(detected))
	}
	if d, ok := documentAs(f, t, detected); ok {
		return d
	}
	return reject(contradicts(declared, t, detected))
}

// decideByTracks decides the type of MP4 and 3GP files whose tracks are known. One with sound
// only is audio/mp4, even if it is declared as video or as another kind of audio: recorders
// on phones write such files, and stores and libraries call every MP4 a video. A picture
// decides only where nothing is declared.
func decideByTracks(f File, declared string, detected detection) (decision, bool) {
	kind, silent := kindOf(declared), isUninformative(declared)
	if !detected.movie || !detected.tracks.known || !mayBeMedia(declared) {
		return decision{}, false
	}
	switch {
	case detected.tracks.soundOnly() && slices.Contains(detected.candidates, "audio/mp4"):
		if !silent && kind == kindVideo {
			return acceptWith("audio/mp4", refuse(CodeVideoMissing, "", declared)), true
		}
		return accept("audio/mp4"), true
	case detected.tracks.soundOnly(): // a brand that is for video only
		detected.candidates, detected.description = nil, "sound without a picture in a container for video"
		return reject(notAccepted(declared, detected)), true
	case silent && detected.tracks.video:
		byName, _ := mimeOfExtension(extension(f.Name))
		for _, mime := range append([]string{byName}, detected.candidates...) {
			if kindOf(mime) == kindVideo && slices.Contains(detected.candidates, mime) {
				return accept(mime), true
			}
		}
	}
	return decision{}, false
}

// undeclared decides from the bytes and the extension of the name. Uncertain bytes, and
// text, which may be an error page, must agree with the extension.
func undeclared(f File, detected detection) decision {
	byName, named := mimeOfExtension(extension(f.Name))
	switch {
	case detected.mime == "application/ogg" && len(detected.candidates) == 0:
		return reject(notOpus(detected))
	case named && slices.Contains(detected.candidates, byName):
		return accept(byName)
	}
	if named && isDocument(byName) && (detected.mime == "" || detected.candidates == nil || detected.candidates[0] == "text/plain") {
		if d, ok := documentAs(f, row(byName, false), detected); ok {
			return d
		}
	}
	switch {
	case detected.mime == "":
		return reject(unknownType(f.Name, detected))
	case len(detected.candidates) == 0, detected.code:
		return reject(notAccepted("", detected))
	case detected.uncertain, named && detected.candidates[0] == "text/plain":
		return reject(unknownType(f.Name, detected))
	}
	return accept(detected.candidates[0])
}

// row is the row of a type: for stickers, the one for animated or static ones.
func row(mime string, animated bool) Type {
	i := slices.IndexFunc(types, func(t Type) bool {
		return t.MIME == mime && (t.Animated == animated || t.kind != kindSticker)
	})
	return types[i]
}

// contentType is the content type for Meta. Parameters are dropped, since Meta is not known
// to use them. The exception is Ogg: Meta's table calls audio/ogg without its codec
// unsupported (docs/references.md#media-types).
func contentType(t Type) string {
	if t.MIME == "audio/ogg" {
		return "audio/ogg; codecs=opus"
	}
	return t.MIME
}
