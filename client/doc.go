// Package client speaks to a confd server. Its methods and types are generated from the
// OpenAPI document that the server itself serves, one method for each operation; what is
// written by hand makes them handier: [New], [Check] for errors, [Set] and [Null] for fields
// of a patch, and Events, which follows what happens.
//
//	c, err := client.New("http://127.0.0.1:8080", os.Getenv("CONFD_KEY"))
//	…
//	made, err := c.CreateRoomWithResponse(ctx, nil, client.RoomCreate{ID: client.Set("standup")})
//	if err := client.Check(made, err); err != nil {
//		return err // a *client.Problem says what was wrong, and what would be right
//	}
//	fmt.Println("call", made.JSON201.ID)
//
// Times, levels and durations are as the document has them: RFC 3339, dBov, seconds.
package client

//go:generate go run ./generate
