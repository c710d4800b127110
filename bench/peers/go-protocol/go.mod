module protocol

go 1.22
