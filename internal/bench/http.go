package main

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// timeRequests sends requests one after the other on one connection and returns the
// time of one. Any answer that is not a success ends the measurement.
func timeRequests(rounds int, make func(i int) (*http.Request, error)) (time.Duration, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	send := func(i int) error {
		req, err := make(i)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			return err
		}
		if res.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s\n%s", req.Method, req.URL.Path, res.Status, tail(body))
		}
		return nil
	}
	start := time.Now()
	for i := range rounds {
		if err := send(i); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / time.Duration(rounds), nil
}

func perSecond(per time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(time.Second)/float64(per))
}
