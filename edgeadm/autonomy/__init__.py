"""Would this edge node come back by itself, after a power cut and without the cloud?"""
