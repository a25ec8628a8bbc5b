package api

import (
	"embed"
	"net/http"
)

//go:embed docs/index.html docs/docs.js docs/docs.css
var docsFiles embed.FS

// docsPage is one file of the page that shows the document. All of it is in the program, so
// that it can be read offline.
type docsPage struct{ path, id, summary, file, contentType string }

var docsPages = []docsPage{
	{"/docs", "docs", "Read this document as a page", "docs/index.html", "text/html; charset=utf-8"},
	{"/docs/docs.js", "docs-script", "The page's script", "docs/docs.js", "text/javascript; charset=utf-8"},
	{"/docs/docs.css", "docs-style", "The page's style", "docs/docs.css", "text/css; charset=utf-8"},
}

func (p docsPage) serve(w http.ResponseWriter, _ *http.Request) {
	body, err := docsFiles.ReadFile(p.file)
	if err != nil { // it is part of the program
		panic(err)
	}
	w.Header().Set("Content-Type", p.contentType)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(body)
}
