package offeranswer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confd/confd/media"
)

// ourVideoOffers are the offers that real phones were asked with; their answers are in
// testdata/video-answers.
var ourVideoOffers = map[string]func() (*OfferResult, error){
	"plain": func() (*OfferResult, error) {
		return Offer(videoCapabilities(1, ourFormats...), withVideo(testLocal(""), 1), nil)
	},
	"slides": func() (*OfferResult, error) {
		caps, local := videoCapabilities(2, ourFormats...), withVideo(testLocal(""), 2)
		caps.Video.Bitrate = 1_200_000
		local.Video[0].Content, local.Video[1].Content = "main", "slides"
		return Offer(caps, local, nil)
	},
	"vp8": func() (*OfferResult, error) {
		return Offer(videoCapabilities(1, media.VideoFormat{Codec: media.VP8}), withVideo(testLocal(""), 1), nil)
	},
	"h264": func() (*OfferResult, error) {
		return Offer(videoCapabilities(1, h264(media.H264ConstrainedBaseline, 1)), withVideo(testLocal(""), 1), nil)
	},
	"srtp": func() (*OfferResult, error) {
		caps := videoCapabilities(1, ourFormats...)
		caps.SRTP = SRTPRequired
		return Offer(caps, withVideo(testLocal(""), 1), nil)
	},
}

var ourFormats = []media.VideoFormat{
	h264(media.H264ConstrainedBaseline, 1), {Codec: media.VP8}, h264(media.H264ConstrainedBaseline, 0), {Codec: media.VP9}, {Codec: media.H265, Profile: 1},
}

func TestVideoOfferGolden(t *testing.T) {
	for name, offer := range ourVideoOffers {
		o, err := offer()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, "testdata/our-offer-video-"+name+".txt", strings.ReplaceAll(string(o.SDP), "\r\n", "\n"))
	}
}

// TestVideoAnswers reads what real phones answered to those offers.
func TestVideoAnswers(t *testing.T) {
	files, _ := filepath.Glob("testdata/video-answers/*.sdp")
	if len(files) == 0 {
		t.Fatal("no answers")
	}
	for _, file := range files {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".sdp"), "@")
		ours, err := ourVideoOffers[name]()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		caps, local := videoCapabilities(2, ourFormats...), withVideo(testLocal(""), 2)
		r, err := Accept(ours, answer, caps, local)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		checkNegotiated(t, &r.Negotiated)
		checkVideos(t, r, caps, local)
		compare(t, strings.TrimSuffix(file, ".sdp")+".txt", summary(r))
	}
}
