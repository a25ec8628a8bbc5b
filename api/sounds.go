package api

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// uploadTime is what sending a sound file may take.
const uploadTime = 10 * time.Minute

// Sounds is the folder of sound files. Errors are *rooms.Error.
type Sounds interface {
	List() ([]Sound, error)
	// Save takes a file in under a name, or replaces it. Errors: Invalid for a name or a
	// sound that cannot be, Forbidden if the folder is not written to, Full.
	Save(ctx context.Context, name string, r io.Reader) (Sound, error)
	// Delete removes a file. Errors: NotFound, Invalid, Forbidden.
	Delete(name string) error
	MaxSize() int64 // of a file, bytes
}

// Sound is a sound file, as JSON.
type Sound struct {
	Name     string    `json:"name" maxLength:"128" doc:"The file's name." example:"welcome.wav"`
	Size     int64     `json:"size" minimum:"0" doc:"Bytes." example:"96044"`
	Modified time.Time `json:"modified" doc:"When it was put there." example:"2026-03-01T08:00:00Z"`
	Duration float64   `json:"duration" minimum:"0" doc:"How long it lasts, seconds; 0 if it cannot be played." example:"6"`
	Problem  string    `json:"problem,omitempty" doc:"Why it cannot be played; absent if it can." example:"it is neither WAV nor Ogg/Opus"`
}

// OfSound is the path of a sound file.
type OfSound struct {
	Name string `path:"name" minLength:"1" maxLength:"128" doc:"The file's name: letters, digits, spaces and . _ - + ( ) ' , & @ # !" example:"welcome.wav"`
}

// SoundAnswer is one sound file.
type SoundAnswer struct{ Body Sound }

// SoundList is all sound files.
type SoundList struct {
	Body struct {
		Sounds []Sound `json:"sounds" nullable:"false" doc:"Sound files by name."`
	}
}

// Upload is a sound file on its way here.
type Upload struct {
	OfSound
	body io.Reader
}

// Resolve keeps the request's body, which is longer than others.
func (u *Upload) Resolve(ctx huma.Context) []error {
	r, w := humachi.Unwrap(ctx)
	ctl := http.NewResponseController(w)
	_ = ctl.SetReadDeadline(time.Now().Add(uploadTime))
	_ = ctl.SetWriteDeadline(time.Now().Add(uploadTime + requestTime))
	u.body = r.Body
	return nil
}

func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/v1/sounds/")
}

func (s *Server) addSounds() {
	if s.config.Sounds == nil {
		return
	}
	add(s, endpoint{method: "GET", path: "/v1/sounds", id: "list-sounds", tag: "announcements", scope: ScopeRead,
		summary: "List sound files", text: "By name, those that cannot be played among them, with the problem."}, s.listSounds)
	add(s, endpoint{method: "DELETE", path: "/v1/sounds/{name}", id: "delete-sound", tag: "announcements", scope: ScopeControl, status: http.StatusNoContent,
		summary: "Delete a sound file", text: "Who hears it hears it to its end.", problems: []string{"not_found"}}, s.deleteSound)
	s.addUpload()
}

// addUpload makes the one route whose body is no JSON.
func (s *Server) addUpload() {
	e := endpoint{method: "PUT", path: "/v1/sounds/{name}", id: "upload-sound", tag: "announcements", scope: ScopeControl,
		summary: "Upload a sound file", text: "WAV (PCM, µ-law, A-law, float) or Ogg/Opus, in the body as it is. All of it is decoded before it is taken; a file of that name is replaced.",
		problems: []string{codeTooLarge, "full", codeMalformed, codeSlow}}
	e.takes(reflect.TypeFor[Upload]())
	op := e.operation()
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}}
	huma.Register(s.doc, op, func(ctx context.Context, in *Upload) (*SoundAnswer, error) {
		ctx, cancel := context.WithTimeout(ctx, uploadTime)
		defer cancel()
		limit := s.config.Sounds.MaxSize()
		body := &bounded{r: in.body, left: limit}
		made, err := s.config.Sounds.Save(ctx, in.Name, body)
		switch {
		case body.left < 0:
			return nil, refuse(http.StatusRequestEntityTooLarge, codeTooLarge, "the file is longer than %d bytes", limit)
		case body.err != nil:
			return nil, unreadable(body.err)
		case err != nil:
			return nil, s.fault(e.id, err)
		}
		return &SoundAnswer{made}, nil
	})
	s.describe(e)
}

// bounded reads so many bytes and then fails, and keeps what else failed.
type bounded struct {
	r    io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	b.left -= int64(n)
	if b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

func (s *Server) listSounds(context.Context, *struct{}) (*SoundList, error) {
	all, err := s.config.Sounds.List()
	if err != nil {
		return nil, err
	}
	out := &SoundList{}
	out.Body.Sounds = append([]Sound{}, all...)
	return out, nil
}

func (s *Server) deleteSound(_ context.Context, in *OfSound) (*struct{}, error) {
	return nil, s.config.Sounds.Delete(in.Name)
}
