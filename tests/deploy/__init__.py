"""What is shipped to run the server agrees with the server: image, manifests, chart, compose, proxy, dashboard, docs."""
