package client_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/confd/confd/client"
)

// A room is made, somebody is called into it, and what happens is told until the call is over.
func Example() {
	ctx := context.Background()
	c, err := client.New("http://127.0.0.1:8080", os.Getenv("CONFD_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	room, err := c.CreateRoomWithResponse(ctx, nil, client.RoomCreate{Name: client.Set("Daily stand-up")})
	if err := client.Check(room, err); err != nil {
		log.Fatal(err) // client.CodeOf(err) tells in a word what it is
	}
	id := room.JSON201.ID
	called, err := c.DialParticipantWithResponse(ctx, id, nil, client.Dial{To: "sip:anna@pbx.example.com"})
	if err := client.Check(called, err); err != nil {
		log.Fatal(err)
	}
	for e, err := range c.Events(ctx, client.Follow{Room: id}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Time, e.Kind)
		if e.Kind == "participant.left" || e.Kind == "participant.failed" {
			break
		}
	}
}
