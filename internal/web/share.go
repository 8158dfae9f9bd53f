package web

import (
	"net/http"
)

func (p *Pages) linkRoutes() []route {
	return []route{
		{pattern: "/s/{token}", get: func(r *request) (*answer, error) {
			return refusal(http.StatusNotFound, nothingHere, checkTheAddress), nil
		}},
	}
}
