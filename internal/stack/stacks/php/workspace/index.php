<?php
// Every request comes here first. What is below public/ and no script is served as it is.

declare(strict_types=1);

$path = parse_url($_SERVER['REQUEST_URI'] ?? '/', PHP_URL_PATH);
$path = is_string($path) ? rawurldecode($path) : '/';
$file = realpath(__DIR__ . '/public' . $path);
if ($file !== false && is_file($file) && str_starts_with($file, __DIR__ . '/public/') && pathinfo($file, PATHINFO_EXTENSION) !== 'php') {
    return false;
}

require __DIR__ . '/app.php';

[$status, $type, $body] = respond($path, $_SERVER['HTTP_X_FORWARDED_PREFIX'] ?? '');
http_response_code($status);
header("Content-Type: $type; charset=utf-8");
header('Cache-Control: no-cache');
echo $body;
