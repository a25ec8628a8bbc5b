// Package film reads and writes the files that recorded video is kept in: RTP packets with
// their times of arrival as rtptools' rtpdump has them, which Wireshark reads as well, and
// pictures of VP8, VP9 or AV1 as IVF, which ffmpeg reads and writes. The program record
// makes the former of what ffmpeg sends.
package film
